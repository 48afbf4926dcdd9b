"""Times as Kubernetes writes them (RFC 3339), as numbers that compare."""

import datetime
import functools

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICRO = datetime.timedelta(microseconds=1)


@functools.lru_cache(maxsize=1 << 16)
def micros(text: str) -> int:
    """Return microseconds since 1970 (UTC), earlier ones negative; ValueError where it is no time.

    Kubernetes writes whole seconds (`Time`) or microseconds (`MicroTime`); finer digits are cut off.
    A text without an offset is refused, as Go refuses it.
    """
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None or len(text) < len("2006-01-02T15:04:05Z"):
        raise ValueError(f"{text!r} is not a time such as 2006-01-02T15:04:05Z")
    return (moment - _EPOCH) // _MICRO


def seconds(text: str) -> int:
    """Return whole seconds since 1970, as a `Time` keeps them; ValueError where it is no time."""
    return micros(text) // 1_000_000
