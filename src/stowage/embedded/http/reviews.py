"""Answers who a token is and what may be done: TokenReview, SelfSubjectReview, the access reviews."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stowage.embedded import errors, schema
from stowage.embedded.http import identity, rbac

Object = dict[str, Any]


class Reviews:
    def __init__(self, who: identity.Authenticator, may: rbac.Authorizer) -> None:
        self._who, self._may = who, may

    def answer(self, resource: schema.Resource, body: Object, asking: identity.Identity, now: str) -> Object:
        """A review with its status. ApiError 400, 422."""
        spec = body.get("spec") or {}
        head = {"kind": resource.kind, "apiVersion": resource.group_version, "metadata": {}}
        if resource.kind == "SelfSubjectReview":
            head["metadata"] = {"creationTimestamp": now}
            return head | {"status": {"userInfo": asking.user()}}
        if resource.kind == "SelfSubjectRulesReview":
            return head | {"spec": {}, "status": self._rules(asking, spec.get("namespace", ""))}
        is_token = resource.kind == "TokenReview"
        status = self._token(spec) if is_token else self._access(resource, body, asking)
        return body | {"spec": spec, "status": status}

    def _token(self, spec: Object) -> Object:
        token = spec.get("token") or ""
        if not token:
            raise errors.bad_request("token is required for TokenReview in authentication")
        try:
            found, audiences = self._who.identify(token, spec.get("audiences") or [identity.ISSUER])
        except identity.UnknownTokenError as error:
            return {"user": {}, "error": str(error)}
        return {"authenticated": True, "user": found.user(), "audiences": audiences}

    def _rules(self, asking: identity.Identity, namespace: str) -> Object:
        if not namespace:
            raise errors.bad_request("no namespace on request")
        rules = [g.rule for g in self._may.grants(asking) if g.namespace in {"", namespace}]
        missing = self._may.missing(asking, namespace)
        return {
            "resourceRules": [each for each in rules if each.get("resources")],
            "nonResourceRules": [each for each in rules if each.get("nonResourceURLs")],
            "incomplete": False,
        } | ({"evaluationError": missing} if missing else {})

    def _access(self, resource: schema.Resource, body: Object, asking: identity.Identity) -> Object:
        causes = list(_problems(resource, body))
        if causes:
            # As kube-apiserver has it: a refused review has no kind.
            raise errors.invalid(resource.group, "", "", causes)
        spec = body["spec"]
        of, at = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
        who = asking
        if not resource.kind.startswith("Self"):
            who = identity.Identity(spec.get("user", ""), groups=tuple(spec.get("groups") or ()))
        if of is None:
            what = rbac.Attributes((at or {}).get("verb", ""), path=(at or {}).get("path", ""))
        else:
            parts = ("verb", "group", "resource", "subresource", "namespace", "name")
            what = rbac.Attributes(**{part: of.get(part, "") for part in parts})
        allowed, why = self._may.decide(who, what)
        return {"allowed": allowed} | ({"reason": why} if why else {})


def _problems(resource: schema.Resource, body: Object) -> Iterator[errors.Cause]:
    """Rules: pkg/apis/authorization/validation."""
    spec, meta = body.get("spec") or {}, body["metadata"]
    of, at = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if of is not None and at is not None:
        message = "Invalid value: {}: cannot be specified in combination with resourceAttributes"
        yield errors.Cause("spec.nonResourceAttributes", message)
    elif of is None and at is None:
        message = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        yield errors.Cause("spec.resourceAttributes", f"Invalid value: null: {message}")
    if not resource.kind.startswith("Self") and not spec.get("user") and not spec.get("groups"):
        message = 'Invalid value: "": at least one of user or group must be specified'
        yield errors.Cause("spec.user", message)
    if meta.keys() - {"managedFields", *(["namespace"] if resource.namespaced else [])}:
        yield errors.Cause("metadata", "Invalid value: must be empty")
    if not resource.namespaced:
        return
    if of is not None and of.get("namespace", "") != meta["namespace"]:
        message = f'Invalid value: "{of.get("namespace", "")}": must match metadata.namespace'
        yield errors.Cause("spec.resourceAttributes.namespace", message)
    if at is not None:
        message = "Invalid value: {}: disallowed on this kind of request"
        yield errors.Cause("spec.nonResourceAttributes", message)
