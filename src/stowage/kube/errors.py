"""What can go wrong between us and an API server: one class for each answer that somebody handles.

The client raises these and nothing of the HTTP library; `asyncio.CancelledError` passes through. An
answer that is not a Kubernetes `Status` (a proxy's page, say) becomes an error of its status code all
the same, with the bounded and redacted text as its message. No error carries a credential.
"""

import re
from typing import NoReturn

import msgspec

LONGEST_TEXT = 2048
"""Characters of an answer that an error keeps: enough for any Status, too few for a page to flood a log."""

_SECRET = re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"'\\,;]+|\beyJ[\w-]{8,}(?:\.[\w-]+)*")
_USER = re.compile(r"(?<=://)[^\s/?#\"'\\]+(?=@)")
"""Of a URL, who asks, and the password."""


class KubeError(Exception):
    """Anything that the API server, or the way to it, does to a request."""


class ConfigurationError(KubeError):
    """No connection can be made of what the kubeconfig or the pod offers; one sentence for people."""


class Withheld(KubeError):
    """Not sent: who asked for it may not do it any more."""


class ConnectionLost(KubeError):
    """No answer came: the server could not be reached, or it hung up. The request changed nothing,
    or changing it again changes no more."""


class AnswerLost(ConnectionLost):
    """The request was sent, its answer did not come, and to repeat it could do it twice.

    Whether it took effect is for the caller to find out: by reading the object, or by waiting for
    its watch to tell.
    """


class Cause(msgspec.Struct, frozen=True):
    """One of the reasons a Status gives: which field, and what is wrong with it."""

    reason: str = ""
    message: str = ""
    field: str = ""


class Details(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    kind: str = ""
    causes: tuple[Cause, ...] | None = ()
    retry_after_seconds: int = 0


class Status(msgspec.Struct, frozen=True):
    """meta/v1 Status, as far as errors need it."""

    message: str = ""
    reason: str = ""
    code: int = 0
    details: Details | None = None


class APIError(KubeError):
    """The server answered with an error.

    `reason` is the Status' machine-readable word ("AlreadyExists"), `causes` its field errors,
    `retry_after` the seconds to wait, as the server asks, or None.
    """

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        reason: str = "",
        causes: tuple[Cause, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.message = redacted(message)
        self.reason = reason
        self.causes = causes
        self.retry_after = retry_after
        super().__init__(f"{status} {reason}: {self.message}" if reason else f"{status}: {self.message}")


class Unauthorized(APIError):
    """401: the credentials are missing, wrong or expired, after they were renewed once."""


class Forbidden(APIError):
    """403: the credentials are known and may not do this."""


class NotFound(APIError):
    """404: no such object, or a kind that the server does not have."""


class Conflict(APIError):
    """409: another resource version or UID, another manager's field, or (`exists`) a name in use."""

    @property
    def exists(self) -> bool:
        return self.reason == "AlreadyExists"


class Gone(APIError):
    """410: a resource version or continue token that the server no longer remembers. List anew."""


class Invalid(APIError):
    """422: the object breaks a rule; `causes` say which."""


class TooManyRequests(APIError):
    """429: the server asks to come back later, or (`budget`) a disruption budget forbids an eviction."""

    @property
    def budget(self) -> bool:
        return any(cause.reason == "DisruptionBudget" for cause in self.causes)


class ServerError(APIError):
    """5xx: the server failed. Whether the request took effect is not known."""


_CLASSES: dict[int, type[APIError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: TooManyRequests,
}

_status = msgspec.json.Decoder(Status)


def class_of(status: int) -> type[APIError]:
    """Return the class for an HTTP status; plain APIError where nobody handles it by itself."""
    return ServerError if status >= 500 else _CLASSES.get(status, APIError)


def from_answer(status: int, body: bytes, retry_after: str | None = None) -> APIError:
    """Make the error of an answer; `retry_after` is its header, in seconds as API servers write it."""
    try:
        said = _status.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = Status()
    details = said.details or Details()
    wait: float | None = float(retry_after) if retry_after and retry_after.isdecimal() else None
    if wait is None and details.retry_after_seconds:
        wait = float(details.retry_after_seconds)
    return class_of(status)(
        status,
        said.message or body[:LONGEST_TEXT].decode(errors="replace"),
        reason=said.reason,
        causes=details.causes or (),
        retry_after=wait,
    )


def raise_for_status(body: bytes | msgspec.Raw) -> NoReturn:
    """Raise the error that a watch reports in an ERROR event: a Status that bears its own code."""
    data = bytes(body)
    try:
        code = _status.decode(data).code
    except (msgspec.DecodeError, UnicodeDecodeError):
        code = 0
    raise from_answer(code or 500, data)


def redacted(text: str) -> str:
    """Bound a text from outside and strike out what looks like a credential."""
    text = struck(text)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def struck(text: str) -> str:
    """Strike out what looks like a credential."""
    text = _SECRET.sub(lambda match: f"{match[1]} [redacted]" if match[1] else "[redacted]", text)
    return _USER.sub("[redacted]", text)
