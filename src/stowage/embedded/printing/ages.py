"""How long ago something was, as Kubernetes' `duration.HumanDuration` writes it."""

from __future__ import annotations

from datetime import datetime


def age(time: str | None, now: float) -> str:
    """From an RFC 3339 time to `now`, in seconds since 1970; <unknown> where there is no time."""
    return human(now - seconds(time)) if time else "<unknown>"


def seconds(time: str) -> float:
    """Since 1970. ValueError."""
    return datetime.fromisoformat(time).timestamp()


def human(elapsed: float) -> str:
    """Seconds in the two largest units that still tell something."""
    if int(elapsed) < -1:
        return "<invalid>"
    whole = max(int(elapsed), 0)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 2 * 365:
        return f"{days}d"
    return _two(days // 365, "y", days % 365, "d") if days < 8 * 365 else f"{days // 365}y"


def _two(large: int, unit: str, rest: int, smaller: str) -> str:
    return f"{large}{unit}{rest}{smaller}" if rest else f"{large}{unit}"
