"""What a request that went wrong means: whether it was sent, and when it may be sent again.

`client` has the rules in words.
"""

import ssl

import aiohttp

from stowage.kube import errors, limits, pool

LONGEST_WAIT = 60.0
"""Seconds of Retry-After that a request waits; beyond, the caller decides."""

BROKEN = (aiohttp.ClientError, OSError)
"""What sending raises; ssl.SSLError and TimeoutError are OSErrors."""

_UNSENT = (
    pool.NotConnected,
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    ssl.SSLError,
)


def translated(place: str, error: Exception, *, repeatable: bool) -> errors.ConnectionLost:
    """Return ours for what sending raised, by whether the request was sent. `place`: method and path."""
    words = errors.redacted(str(error)) or type(error).__name__
    if isinstance(error, _UNSENT):
        return errors.ConnectionLost(f"{place}: no connection: {words}")
    kind = errors.ConnectionLost if repeatable else errors.AnswerLost
    return kind(f"{place}: no answer: {words}")


def delay(error: errors.KubeError, backoff: limits.Backoff, *, repeatable: bool) -> float | None:
    """Return the seconds to wait before the request is repeated, None for not to repeat it."""
    if isinstance(error, errors.AnswerLost):
        return None
    if isinstance(error, errors.TooManyRequests) and error.budget:
        return None
    failed = isinstance(error, errors.ServerError) and (error.status != 503 or error.retry_after is None)
    if failed and not repeatable:
        return None
    if isinstance(error, errors.APIError) and error.retry_after is not None:
        return error.retry_after if error.retry_after <= LONGEST_WAIT else None
    return backoff.next()
