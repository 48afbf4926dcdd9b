"""The roles and bindings that a cluster begins with: the user-facing ones, and those schedulers use.

The rules are facts of kube-apiserver's bootstrap policy; admin, edit and view are made from the kinds that
are served, and coarser than its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from stowage.embedded import schema
from stowage.embedded.http import identity

Object = dict[str, Any]
_RBAC: Final = "rbac.authorization.k8s.io"
_READ: Final = ("get", "list", "watch")
_WRITE: Final = ("create", "delete", "deletecollection", "patch", "update")
_HIDDEN: Final = {"secrets", "bindings"}
_VISIBLE: Final = {"status", "scale"}
_PUBLIC: Final = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_BOOTSTRAP: Final = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_SCHEDULER: Final = "system:kube-scheduler"
_READER: Final = "extension-apiserver-authentication-reader"
_LOCKING: Final = "system::leader-locking-kube-scheduler"


def _rule(groups: str, resources: str, verbs: tuple[str, ...], name: str = "") -> Object:
    """A rule of words: groups separated by commas, resources by spaces."""
    made: Object = {
        "apiGroups": sorted(groups.split(",")),
        "resources": sorted(resources.split()),
        "verbs": sorted(verbs),
    }
    return made | ({"resourceNames": [name]} if name else {})


def _paths(*paths: str) -> Object:
    return {"nonResourceURLs": sorted(paths), "verbs": ["get"]}


_REVIEWS: Final = [
    _rule("authentication.k8s.io", "tokenreviews", ("create",)),
    _rule("authorization.k8s.io", "subjectaccessreviews", ("create",)),
]
_CLUSTER_ROLES: Final[dict[str, list[Object]]] = {
    "cluster-admin": [_rule("*", "*", ("*",)), {"nonResourceURLs": ["*"], "verbs": ["*"]}],
    "system:discovery": [
        _paths("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_PUBLIC),
    ],
    "system:public-info-viewer": [_paths(*_PUBLIC)],
    "system:basic-user": [
        _rule("authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews", ("create",)),
        _rule("authentication.k8s.io", "selfsubjectreviews", ("create",)),
    ],
    "system:auth-delegator": _REVIEWS,
    "system:monitoring": [
        _paths("/metrics", "/metrics/slis", *(f"{each}/*" for each in _PUBLIC[:3]), *_PUBLIC[:3]),
        _rule("", "nodes/metrics", ("get",)),
    ],
    _SCHEDULER: [
        *_REVIEWS,
        _rule(",events.k8s.io", "events", ("create", "patch", "update")),
        _rule("coordination.k8s.io", "leases", ("create",)),
        _rule("coordination.k8s.io", "leases", (*_READ, "update"), "kube-scheduler"),
        _rule("", "nodes namespaces replicationcontrollers services", _READ),
        _rule("", "persistentvolumeclaims persistentvolumes", _READ),
        _rule("", "pods", (*_READ, "delete")),
        _rule("", "bindings pods/binding", ("create",)),
        _rule("", "pods/status", ("patch", "update")),
        _rule("", "pods/finalizers", ("update",)),
        _rule("apps", "replicasets statefulsets", _READ),
        _rule("policy", "poddisruptionbudgets", _READ),
        _rule("storage.k8s.io", "csidrivers csinodes csistoragecapacities volumeattachments", _READ),
        _rule("resource.k8s.io", "deviceclasses resourceslices", _READ),
        _rule("resource.k8s.io", "resourceclaims", (*_READ, "create", "delete", "patch", "update")),
        _rule("resource.k8s.io", "resourceclaims/status", (*_READ, "patch", "update")),
        _rule("resource.k8s.io", "resourceclaims/binding", ("patch", "update")),
    ],
    "system:volume-scheduler": [
        _rule("", "persistentvolumes persistentvolumeclaims", (*_READ, "patch", "update")),
        _rule("storage.k8s.io", "storageclasses", _READ),
    ],
}
_ROLES: Final[dict[str, list[Object]]] = {
    _READER: [_rule("", "configmaps", _READ, "extension-apiserver-authentication")],
    _LOCKING: [
        _rule("coordination.k8s.io", "leases", ("watch",)),
        _rule("coordination.k8s.io", "leases", ("get", "update"), "kube-scheduler"),
    ],
}
_USER: Final = [("User", _SCHEDULER)]
_BINDINGS: Final = {
    "cluster-admin": [("Group", identity.MASTERS)],
    "system:basic-user": [("Group", identity.AUTHENTICATED)],
    "system:discovery": [("Group", identity.AUTHENTICATED)],
    "system:public-info-viewer": [("Group", identity.AUTHENTICATED), ("Group", "system:unauthenticated")],
    "system:monitoring": [("Group", "system:monitoring")],
    _SCHEDULER: _USER,
    "system:volume-scheduler": _USER,
}


def bootstrap() -> Iterator[tuple[schema.Resource, str, Object]]:
    """Each role and binding: its resource, its namespace, and the object."""
    for name, rules in (_CLUSTER_ROLES | dict(_facing())).items():
        yield _named("ClusterRole"), "", _object(name) | {"rules": rules}
    for name, subjects in _BINDINGS.items():
        yield _named("ClusterRoleBinding"), "", _binding(name, "ClusterRole", name, subjects)
    for name, rules in _ROLES.items():
        yield _named("Role"), "kube-system", _object(name) | {"rules": rules}
    at = f"system::{_READER}"
    yield _named("RoleBinding"), "kube-system", _binding(at, "Role", _READER, _USER)
    yield _named("RoleBinding"), "kube-system", _binding(_LOCKING, "Role", _LOCKING, _USER)


def _facing() -> Iterator[tuple[str, list[Object]]]:
    """admin, edit and view: what is in a namespace, secrets and roles only for those that may."""
    by_group: dict[str, list[schema.Resource]] = {}
    for each in schema.builtin():
        if each.namespaced and "list" in each.verbs:
            by_group.setdefault(each.group, []).append(each)
    view, edit, admin = [], [], []
    for group, found in by_group.items():
        names = [each.plural for each in found if each.plural not in _HIDDEN]
        inner = [f"{each.plural}/{name}" for each in found for name in each.subresources if name in _VISIBLE]
        if group == _RBAC:
            admin.append(_rule(group, " ".join(names), _READ + _WRITE))
            continue
        view.append(_rule(group, " ".join([*names, *inner]), _READ))
        if "create" not in found[0].verbs:
            continue
        edit.append(_rule(group, " ".join([*names, *(each for each in inner if "scale" in each)]), _WRITE))
    view.append(_rule("", "namespaces", _READ))
    edit += [
        _rule("", "secrets", _READ + _WRITE),
        _rule("", "pods/eviction serviceaccounts/token", ("create",)),
        _rule("", "serviceaccounts", ("impersonate",)),
    ]
    admin.append(_rule("authorization.k8s.io", "localsubjectaccessreviews", ("create",)))
    yield "view", view
    yield "edit", view + edit
    yield "admin", view + edit + admin


def _named(kind: str) -> schema.Resource:
    return schema.named(_RBAC, kind)


def _object(name: str) -> Object:
    return {"metadata": {"name": name, "labels": dict(_BOOTSTRAP)}}


def _binding(name: str, kind: str, role: str, subjects: list[tuple[str, str]]) -> Object:
    return _object(name) | {
        "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": role},
        "subjects": [{"apiGroup": _RBAC, "kind": kind, "name": name} for kind, name in subjects],
    }
