"""The defaults of admission policies and webhooks. They are kept, and not asked: nothing here executes them.

Rules: pkg/apis/admissionregistration/v1/defaults.go.
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def policy(value: Object) -> None:
    """Of a ValidatingAdmissionPolicy."""
    spec = value.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    _match(spec.get("matchConstraints"))


def binding(value: Object) -> None:
    """Of a ValidatingAdmissionPolicyBinding."""
    _match(value.setdefault("spec", {}).get("matchResources"))


def validating(value: Object) -> None:
    """Of a ValidatingWebhookConfiguration."""
    for webhook in value.get("webhooks") or ():
        webhook.setdefault("failurePolicy", "Fail")
        webhook.setdefault("timeoutSeconds", 10)
        service = (webhook.get("clientConfig") or {}).get("service")
        if service is not None:
            service.setdefault("port", 443)
        _match(webhook, "rules")


def mutating(value: Object) -> None:
    """Of a MutatingWebhookConfiguration."""
    validating(value)
    for webhook in value.get("webhooks") or ():
        webhook.setdefault("reinvocationPolicy", "Never")


def _match(held: Object | None, *rules: str) -> None:
    """What is matched; its rules are under the names given, or those of a policy."""
    if held is None:
        return
    held.setdefault("matchPolicy", "Equivalent")
    for name in ("namespaceSelector", "objectSelector"):
        held.setdefault(name, {})
    for name in rules or ("resourceRules", "excludeResourceRules"):
        for rule in held.get(name) or ():
            rule.setdefault("scope", "*")
