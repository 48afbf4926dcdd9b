"""Who asks: the administrator, service accounts by the tokens they were given, or nobody known.

Tokens of service accounts are JSON Web Tokens, signed with a key that is kept with the objects; what they
claim is what kube-apiserver 1.36 puts into its own. Rules: pkg/serviceaccount/claims.go and legacy.go.
"""

from __future__ import annotations

import functools
import hmac
import secrets
import uuid
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import jwt

from stowage.embedded import errors, registry, schema
from stowage.embedded.storage import keys

Object = dict[str, Any]
ISSUER: Final = "https://kubernetes.default.svc"
MASTERS: Final = "system:masters"
AUTHENTICATED: Final = "system:authenticated"
ACCOUNT: Final = "system:serviceaccount:"
_ACCOUNTS: Final = schema.named("", "ServiceAccount")
_ALGORITHM: Final = "HS256"
_LEAST_SECONDS: Final = 600
_MOST_SECONDS: Final = 1 << 32
_TABLES: Final = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}
"""What a token may be bound to, and where that is kept."""


class Identity(NamedTuple):
    """A user: name, uid, groups, and what else is known, as (key, values)."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def user(self) -> Object:
        """As reviews write it."""
        made: Object = {"username": self.name, "uid": self.uid, "groups": list(self.groups)}
        made["extra"] = {key: list(values) for key, values in self.extra}
        return {key: part for key, part in made.items() if part}


ADMIN: Final = Identity("admin", groups=(MASTERS, AUTHENTICATED))
ANONYMOUS: Final = Identity("system:anonymous", groups=("system:unauthenticated",))


class UnknownTokenError(Exception):
    """A token is nobody's, or no longer; the message says why."""


def named(name: str, groups: Sequence[str] = ()) -> Identity:
    """A user of whom the name is known, and groups that somebody states."""
    found = list(groups)
    parts = name.removeprefix(ACCOUNT).split(":")
    if name.startswith(ACCOUNT) and len(parts) == 2 and not groups:
        found = ["system:serviceaccounts", f"system:serviceaccounts:{parts[0]}"]
    if name != ANONYMOUS.name and AUTHENTICATED not in found:
        found.append(AUTHENTICATED)
    return Identity(name, groups=tuple(found))


class Authenticator:
    """Knows the administrator's token (empty: none is), and the service accounts of a registry."""

    def __init__(self, reg: registry.Registry, token: str) -> None:
        self._reg, self._token = reg, token.encode()
        made = keys.kept(reg.objects, "signing", lambda: {"key": secrets.token_hex(32)})
        self._key = bytes.fromhex(made["key"])
        # Every request brings its token: the signature is checked once.
        self._claims = functools.lru_cache(1024)(self._read)

    def identify(self, token: str, audiences: Sequence[str] = (ISSUER,)) -> tuple[Identity, list[str]]:
        """Whose a token is, and for which of the audiences it is good. UnknownTokenError."""
        if self._token and hmac.compare_digest(self._token, token.encode()):
            if ISSUER not in audiences:
                raise UnknownTokenError(_wrong_audience([ISSUER], audiences))
            return ADMIN, [ISSUER]
        claims = self._claims(token)
        if claims["exp"] <= self._reg.time():
            raise UnknownTokenError("[invalid bearer token, service account token has expired]")
        good = [each for each in claims["aud"] if each in audiences]
        if not good:
            raise UnknownTokenError(_wrong_audience(claims["aud"], audiences))
        return self._account(claims["kubernetes.io"], claims.get("jti", "")), good

    def _read(self, token: str) -> Object:
        """What a token claims that this server signed, whether or not it still holds. UnknownTokenError."""
        unchecked = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud"), False)
        options: Any = unchecked | {"require": ["exp", "sub", "aud"]}
        try:
            return jwt.decode(token, self._key, algorithms=[_ALGORITHM], issuer=ISSUER, options=options)
        except jwt.InvalidTokenError as error:
            raise UnknownTokenError("invalid bearer token") from error

    def _account(self, claims: Object, credential: str) -> Identity:
        space, account = claims["namespace"], claims["serviceaccount"]
        self._still_there(_ACCOUNTS.table, space, account)
        for kind, table in _TABLES.items():
            bound = claims.get(kind.lower())
            # The node of a token that is bound to a pod is only told.
            if bound and not (kind == "Node" and claims.get("pod")):
                self._still_there(table, "" if kind == "Node" else space, bound)
        extra = {"authentication.kubernetes.io/credential-id": (f"JTI={credential}",)}
        for kind in ("pod", "node"):
            for part in ("name", "uid"):
                if kind in claims:
                    extra[f"authentication.kubernetes.io/{kind}-{part}"] = (claims[kind][part],)
        who = named(f"{ACCOUNT}{space}:{account['name']}")
        return who._replace(uid=account["uid"], extra=tuple(sorted(extra.items())))

    def _still_there(self, table: str, namespace: str, claimed: Object) -> None:
        found = self._reg.objects.get(table, (namespace, claimed["name"]))
        if found is None and table == _ACCOUNTS.table:
            why = f"{table} {_quoted(claimed['name'])} not found"
            raise UnknownTokenError(f"[invalid bearer token, {why}]")
        if found is None or found.read()["metadata"]["uid"] != claimed["uid"]:
            raise UnknownTokenError("[invalid bearer token, service account token has been invalidated]")

    def request_token(self, namespace: str, name: str, asked: Object) -> Object:
        """Answer a TokenRequest: give a service account a token. ApiError 400, 404, 409, 422."""
        account = self._reg.get(_ACCOUNTS, namespace, name)["metadata"]
        meta, spec = asked.get("metadata") or {}, asked.get("spec") or {}
        if meta.get("uid", account["uid"]) != account["uid"]:
            why = (
                f"the UID in the token request ({meta['uid']}) does not match the UID of the service account"
                f" ({account['uid']})"
            )
            raise errors.conflict("authentication.k8s.io", "TokenRequest", name, why)
        seconds = spec["expirationSeconds"]
        _check_seconds(seconds)
        audiences = spec.get("audiences") or [ISSUER]
        now = int(self._reg.time())
        claims = {
            "aud": audiences,
            "exp": now + seconds,
            "iat": now,
            "nbf": now,
            "iss": ISSUER,
            "jti": str(uuid.uuid4()),
            "sub": f"{ACCOUNT}{namespace}:{name}",
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": account["uid"]}}
            | self._bound(namespace, name, spec.get("boundObjectRef")),
        }
        token = jwt.encode(claims, self._key, _ALGORITHM)
        spec = spec | {"audiences": audiences, "expirationSeconds": seconds}
        spec.setdefault("boundObjectRef", None)
        made = {"name": name, "namespace": namespace, "uid": account["uid"]}
        return asked | {
            "metadata": meta | made | {"creationTimestamp": self._reg.now()},
            "spec": spec,
            "status": {"token": token, "expirationTimestamp": self._reg.now(seconds)},
        }

    def _bound(self, namespace: str, account: str, wanted: Object | None) -> Object:
        """The claims about the object that a token ends with."""
        if not wanted:
            return {}
        kind, name = wanted.get("kind", ""), wanted.get("name", "")
        if kind not in _TABLES or wanted.get("apiVersion", "v1") != "v1":
            raise errors.bad_request(
                f"cannot bind token for serviceaccount {_quoted(account)} to object of type {kind}"
            )
        resource = schema.named("", kind)
        value = self._reg.get(resource, namespace, name)
        uid, node = value["metadata"]["uid"], ""
        if kind == "Pod":
            if value["spec"].get("serviceAccountName", "") != account:
                raise errors.bad_request(
                    f"cannot bind token for serviceaccount {_quoted(account)} to pod running with different"
                    " serviceaccount name."
                )
            node = value["spec"].get("nodeName", "")
        if wanted.get("uid", uid) != uid:
            why = (
                f"the UID in the bound object reference ({wanted['uid']}) does not match the UID in record."
                " The object might have been deleted and then recreated"
            )
            raise errors.conflict("", resource.plural, name, why)
        claims = {kind.lower(): {"name": name, "uid": uid}}
        known = self._reg.objects.get("nodes", ("", node))
        if known is not None:
            claims["node"] = {"name": node, "uid": known.read()["metadata"]["uid"]}
        return claims


def _check_seconds(seconds: int) -> None:
    why = "less than 10 minutes" if seconds < _LEAST_SECONDS else ""
    why = "larger than 2^32 seconds" if seconds > _MOST_SECONDS else why
    if why:
        message = f"Invalid value: {seconds}: may not specify a duration {why}"
        cause = errors.Cause("spec.expirationSeconds", message)
        raise errors.invalid("authentication.k8s.io", "TokenRequest", "", [cause])


def _wrong_audience(own: Sequence[str], wanted: Sequence[str]) -> str:
    return (
        f"[invalid bearer token, token audiences {_listed(own)} is invalid for the target audiences"
        f" {_listed(wanted)}]"
    )


def _listed(texts: Sequence[str]) -> str:
    return f"[{' '.join(_quoted(each) for each in texts)}]"


def _quoted(text: str) -> str:
    return f'"{text}"'
