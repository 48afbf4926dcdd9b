"""Answers who a token is and what may be done: TokenReview, SelfSubjectReview, the access reviews."""

from __future__ import annotations

from typing import Any

from stowage.embedded import errors, identity, rbac, schema

Object = dict[str, Any]


class Reviews:
    def __init__(self, who: identity.Authenticator, may: rbac.Authorizer) -> None:
        self._who, self._may = who, may

    def answer(
        self, resource: schema.Resource, body: Object, asking: identity.Identity, namespace: str
    ) -> Object:
        """A review with its status. ApiError 400, 422."""
        spec = body.get("spec") or {}
        if resource.kind == "TokenReview":
            status = self._token(spec)
        elif resource.kind == "SelfSubjectReview":
            status = {"userInfo": asking.user()}
        elif resource.kind == "SelfSubjectRulesReview":
            status = self._rules(asking, spec.get("namespace", ""))
        else:
            status = self._access(resource, spec, asking, namespace)
        meta = {"creationTimestamp": None} | (body.get("metadata") or {})
        if resource.namespaced:
            meta["namespace"] = namespace
        return body | {"status": status, "metadata": meta}

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
        rules = list(rbac.EVERYTHING) if identity.MASTERS in asking.groups else []
        rules += [g.rule for g in self._may.grants(asking) if g.namespace in {"", namespace}]
        return {
            "resourceRules": [each for each in rules if each.get("resources")],
            "nonResourceRules": [each for each in rules if each.get("nonResourceURLs")],
            "incomplete": False,
        }

    def _access(
        self, resource: schema.Resource, spec: Object, asking: identity.Identity, namespace: str
    ) -> Object:
        of, at = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
        _check(resource, spec, of, at)
        who = asking
        if not resource.kind.startswith("Self"):
            who = identity.Identity(spec.get("user", ""), groups=tuple(spec.get("groups") or ()))
        if of is None:
            what = rbac.Attributes((at or {}).get("verb", ""), path=(at or {}).get("path", ""))
        else:
            parts = ("verb", "group", "resource", "subresource", "namespace", "name")
            what = rbac.Attributes(**{part: of.get(part, "") for part in parts})
            if resource.namespaced and what.namespace != namespace:
                message = f'Invalid value: "{what.namespace}": must match metadata.namespace'
                cause = errors.Cause("spec.resourceAttributes.namespace", message)
                raise errors.invalid(resource.group, "", "", [cause])
        allowed, why = self._may.decide(who, what)
        return {"allowed": allowed} | ({"reason": why} if why else {})


def _check(resource: schema.Resource, spec: Object, of: Object | None, at: Object | None) -> None:
    causes = []
    if of is not None and at is not None:
        message = "Invalid value: {}: cannot be specified in combination with resourceAttributes"
        causes.append(errors.Cause("spec.nonResourceAttributes", message))
    elif of is None and at is None:
        message = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        causes.append(errors.Cause("spec.resourceAttributes", f"Invalid value: null: {message}"))
    if not resource.kind.startswith("Self") and not spec.get("user") and not spec.get("groups"):
        message = 'Invalid value: "": at least one of user or group must be specified'
        causes.append(errors.Cause("spec.user", message))
    if resource.namespaced and at is not None:
        message = "Invalid value: {}: disallowed on this kind of request"
        causes.append(errors.Cause("spec.nonResourceAttributes", message))
    if causes:
        # As kube-apiserver has it: a refused review has no kind.
        raise errors.invalid(resource.group, "", "", causes)
