"""Who may come in: each request is somebody's, and is refused where that one may not do it."""

from __future__ import annotations

import dataclasses

from stowage.embedded import errors, registry
from stowage.embedded.http import identity, rbac, request


class Access:
    """With an empty token everyone is the administrator."""

    def __init__(self, reg: registry.Registry, token: str) -> None:
        self.who, self.may = identity.Authenticator(reg, token), rbac.Authorizer(reg)
        self._open = not token

    def admit(self, asked: request.Request, at: request.Target | None) -> request.Request:
        """The request with its user. ApiError 401, 403."""
        user = identity.ADMIN if self._open else self._identify(asked)
        name = asked.headers.get("impersonate-user", "")
        if name:
            user = self._in_name_of(user, name, asked)
        self.may.check(user, asked.attributes(at))
        return dataclasses.replace(asked, user=user)

    def _identify(self, asked: request.Request) -> identity.Identity:
        kind, _, given = asked.headers.get("authorization", "").partition(" ")
        if not kind:
            return identity.ANONYMOUS
        if kind.lower() != "bearer":
            raise errors.unauthorized()
        try:
            return self.who.identify(given.strip())[0]
        except identity.UnknownTokenError as error:
            raise errors.unauthorized() from error

    def _in_name_of(self, user: identity.Identity, name: str, asked: request.Request) -> identity.Identity:
        """Another, as whom somebody wants to be seen (`kubectl --as`). ApiError 403."""
        groups = [each.strip() for each in asked.headers.get("impersonate-group", "").split(",") if each]
        account = name.removeprefix(identity.ACCOUNT).split(":")
        if name.startswith(identity.ACCOUNT) and len(account) == 2:
            what = rbac.Attributes(
                "impersonate", resource="serviceaccounts", namespace=account[0], name=account[1]
            )
        else:
            what = rbac.Attributes("impersonate", resource="users", name=name)
        for each in (what, *(rbac.Attributes("impersonate", resource="groups", name=g) for g in groups)):
            self.may.check(user, each)
        return identity.named(name, groups)
