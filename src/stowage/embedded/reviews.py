"""Answers who a token is and what may be done: TokenReview, SelfSubjectReview, the access reviews.

There is one identity, `admin` of the group system:masters; it may do everything, nobody else anything.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

from stowage.embedded import schema

Object = dict[str, Any]
MASTERS: Final = "system:masters"
ADMIN: Final[Object] = {"username": "admin", "groups": [MASTERS, "system:authenticated"]}


def same(token: str, given: str) -> bool:
    """Compare without telling by the time how much is right."""
    return hmac.compare_digest(token.encode(), given.encode())


def answer(resource: schema.Resource, body: Object, token: str) -> Object:
    """Fill in the status of a review."""
    spec = body.get("spec") or {}
    if resource.kind == "TokenReview":
        known = bool(token) and same(token, str(spec.get("token") or ""))
        status: Object = {"authenticated": True, "user": ADMIN} if known else {"authenticated": False}
        if not known:
            status["error"] = "invalid bearer token"
    elif resource.kind == "SelfSubjectReview":
        status = {"userInfo": ADMIN}
    elif resource.kind == "SelfSubjectRulesReview":
        everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        status = {
            "resourceRules": [everything],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": False,
        }
    else:
        mine = resource.kind == "SelfSubjectAccessReview"
        allowed = mine or MASTERS in (spec.get("groups") or ()) or spec.get("user") == ADMIN["username"]
        status = {"allowed": allowed} | (
            {} if allowed else {"reason": f"only {MASTERS} may do anything here"}
        )
    return body | {"status": status, "metadata": {"creationTimestamp": None} | (body.get("metadata") or {})}
