"""What counts as a name: of an object, a label, a resource (apimachinery's validation rules)."""

import functools
import re

_PART = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")


def is_label_value(text: str) -> bool:
    """Whether `text` may be the value of a label; the empty one may."""
    return not text or (len(text) <= 63 and _PART.fullmatch(text) is not None)


def is_qualified(text: str) -> bool:
    """Whether `text` is a name with an optional DNS prefix, as label keys and resources have."""
    prefix, slash, name = text.rpartition("/")
    if slash and not is_dns_subdomain(prefix):
        return False
    return len(name) <= 63 and _PART.fullmatch(name) is not None


def is_dns_label(text: str) -> bool:
    """Whether `text` may name a Namespace."""
    return len(text) <= 63 and _DNS_LABEL.fullmatch(text) is not None


def is_dns_subdomain(text: str) -> bool:
    """Whether `text` may name an object of most other kinds."""
    return len(text) <= 253 and _DNS_SUBDOMAIN.fullmatch(text) is not None


def is_huge_page(resource: str) -> bool:
    """Whether `resource` is huge pages of some size."""
    return resource.startswith("hugepages-")


def is_native(resource: str) -> bool:
    """Whether `resource` is Kubernetes' own: without a prefix, or with one under kubernetes.io."""
    return "/" not in resource or "kubernetes.io/" in resource


@functools.lru_cache(maxsize=4096)
def is_extended(resource: str) -> bool:
    """Whether `resource` is what a device plugin or an administrator adds to nodes."""
    if is_native(resource) or resource.startswith("requests."):
        return False
    return is_qualified("requests." + resource)


@functools.lru_cache(maxsize=4096)
def is_scalar(resource: str) -> bool:
    """Whether kube-scheduler counts `resource` beside cpu, memory, ephemeral-storage and pods."""
    return (
        is_extended(resource)
        or is_huge_page(resource)
        or "kubernetes.io/" in resource
        or resource.startswith("attachable-volumes-")
    )
