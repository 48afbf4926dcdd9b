"""Who asks the scheduler's endpoints, and whether they may: both is asked of the cluster.

As kube-scheduler delegates (k8s.io/apiserver, authenticatorfactory and authorizerfactory): a bearer token
by TokenReview, everyone else is anonymous; a path by SubjectAccessReview, but for the health paths, which
are open. Answers are kept for a while. Client certificates are not looked at.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final, Generic, TypeVar

import msgspec

from stowage.kube import client as clients
from stowage.kube import clock as clocks
from stowage.kube import errors, resources
from stowage.scheduler import logs

logger = logging.getLogger(__name__)

T = TypeVar("T")

TTL: Final = 10.0
"""Seconds for which an answer counts, good or bad."""

KEPT: Final = 1024
"""Answers kept at once."""

TIMEOUT: Final = 10.0
"""Seconds for one review."""

OPEN_PATHS: Final = ("/healthz", "/readyz", "/livez")
"""What everybody may get."""

MASTERS, AUTHENTICATED, UNAUTHENTICATED = "system:masters", "system:authenticated", "system:unauthenticated"

TOKEN_REVIEWS: resources.Resource[dict[str, Any]] = resources.Resource(
    "authentication.k8s.io", "v1", "TokenReview", "tokenreviews", False, dict[str, Any]
)
ACCESS_REVIEWS: resources.Resource[dict[str, Any]] = resources.Resource(
    "authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", False, dict[str, Any]
)


@dataclasses.dataclass(frozen=True)
class Lifetimes:
    """Seconds for which answers count: whose a token is, or that it is no one's; yes; and no."""

    token: float = TTL
    allowed: float = TTL
    refused: float = TTL


USUAL: Final = Lifetimes()


class User(msgspec.Struct, frozen=True):
    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


ANONYMOUS: Final = User("system:anonymous", groups=(UNAUTHENTICATED,))


class Unauthenticated(Exception):
    """A token that is no one's, or that could not be looked at."""


class Denied(Exception):
    """The user may not; the text is the authoriser's reason, or empty."""


class _Kept(Generic[T]):
    """Answers for ``lifetime`` of each, and each question asked once at a time."""

    def __init__(self, clock: clocks.Clock, lifetime: Callable[[T], float]) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._answers: dict[bytes, tuple[float, T]] = {}
        self._asked: dict[bytes, asyncio.Future[T]] = {}

    async def get(self, key: bytes, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer to a question, from now or from before; what ``ask`` raises is not kept."""
        until, answer = self._answers.get(key, (0.0, None))
        if answer is not None and self._clock.monotonic() < until:
            return answer
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.ensure_future(ask())
            asked.add_done_callback(lambda done: self._take(key, done))
        return await asyncio.shield(asked)  # others may wait for it, too

    def close(self) -> None:
        """Gives up the questions under way."""
        for asked in self._asked.values():
            asked.cancel()

    def _take(self, key: bytes, done: asyncio.Future[T]) -> None:
        del self._asked[key]
        if done.cancelled() or done.exception() is not None:
            return
        self._answers.pop(key, None)
        if len(self._answers) >= KEPT:
            del self._answers[next(iter(self._answers))]
        answer = done.result()
        self._answers[key] = self._clock.monotonic() + self._lifetime(answer), answer


class Access:
    """See the module. Without ``tokens`` everyone is anonymous, without ``reviews`` only the open paths
    are allowed."""

    def __init__(
        self,
        tokens: clients.Client | None,
        reviews: clients.Client | None,
        open_paths: Collection[str] = OPEN_PATHS,
        lifetimes: Lifetimes = USUAL,
        clock: clocks.Clock = clocks.SYSTEM,
    ) -> None:
        self._tokens = tokens
        self._reviews = reviews
        self._open = open_paths
        self._secret = secrets.token_bytes(32)
        self._users: _Kept[User | str] = _Kept(clock, lambda _: lifetimes.token)
        self._verdicts: _Kept[tuple[bool, str]] = _Kept(
            clock, lambda verdict: lifetimes.allowed if verdict[0] else lifetimes.refused
        )

    def close(self) -> None:
        """Gives up the reviews under way."""
        self._users.close()
        self._verdicts.close()

    # ---------------------------------------------------------- authentication

    async def user(self, authorization: str) -> User:
        """Who sends an Authorization header. Unauthenticated."""
        kind, _, rest = authorization.strip().partition(" ")
        token = rest.partition(" ")[0]
        if kind.lower() != "bearer" or not token or self._tokens is None:
            return ANONYMOUS
        client = self._tokens
        # The token itself is not kept.
        key = hmac.digest(self._secret, token.encode("latin-1", "replace"), hashlib.sha256)
        try:
            found = await self._users.get(key, lambda: _reviewed(client, token))
        except errors.NotFound:
            return ANONYMOUS  # this cluster looks at no tokens
        except errors.KubeError as error:
            logger.warning("Token not reviewed", extra={"error": str(error)})
            raise Unauthenticated("the token could not be reviewed") from error
        if isinstance(found, str):
            logger.log(logs.V4, "Request not authenticated", extra={"error": found})
            raise Unauthenticated(found)
        return found

    # ----------------------------------------------------------- authorisation

    async def allow(self, user: User, verb: str, path: str) -> None:
        """Returns where the user may. Denied; KubeError where that cannot be found out."""
        if MASTERS in user.groups or path in self._open:
            return
        if self._reviews is None:
            raise Denied
        client = self._reviews
        spec = {
            "nonResourceAttributes": {"path": path, "verb": verb},
            "user": user.username,
            "uid": user.uid,
            "groups": user.groups,
            "extra": user.extra,
        }
        try:
            key = hashlib.sha256(msgspec.json.encode(spec)).digest()  # a path may be a megabyte
            allowed, reason = await self._verdicts.get(key, lambda: _judged(client, spec))
        except (errors.NotFound, errors.Forbidden) as error:
            logger.warning("Access not reviewed", extra={"error": str(error)})
            raise Denied from error
        if not allowed:
            raise Denied(reason)


async def _reviewed(client: clients.Client, token: str) -> User | str:
    """The user, or why there is none."""
    body = {"apiVersion": TOKEN_REVIEWS.api_version, "kind": TOKEN_REVIEWS.kind, "spec": {"token": token}}
    answer = await client.create(TOKEN_REVIEWS, body, timeout=TIMEOUT)
    status = answer.get("status") or {}
    if not status.get("authenticated"):
        return errors.redacted(str(status.get("error") or "invalid bearer token"))
    told = status.get("user") or {}
    user = msgspec.convert({key: value for key, value in told.items() if value is not None}, User)
    if AUTHENTICATED in user.groups or UNAUTHENTICATED in user.groups:
        return user
    return msgspec.structs.replace(user, groups=(*user.groups, AUTHENTICATED))


async def _judged(client: clients.Client, spec: dict[str, Any]) -> tuple[bool, str]:
    body = {"apiVersion": ACCESS_REVIEWS.api_version, "kind": ACCESS_REVIEWS.kind, "spec": spec}
    answer = await client.create(ACCESS_REVIEWS, body, timeout=TIMEOUT)
    status = answer.get("status") or {}
    allowed = bool(status.get("allowed")) and not status.get("denied")
    return allowed, str(status.get("reason") or "")
