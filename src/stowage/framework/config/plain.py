"""A configuration as the plain object that kube-scheduler would show of it at /configz.

Defaults are filled in, and what is empty is left out where Kubernetes' types leave it out.
"""

from __future__ import annotations

import base64
import typing
from typing import Any, Final

import msgspec

from stowage.framework.config import args as arguments
from stowage.framework.config import legacy, types

_POINTS: Final = ("preEnqueue", "queueSort", *types.EXTENSION_POINTS[2:12], "multiPoint")
"""As Kubernetes orders them, but for the last two points."""
_UNITS: Final = ((10**6, "ms"), (10**3, "µs"), (1, "ns"))


def plain(configuration: types.Configuration, *, secrets: bool = False) -> dict[str, Any]:
    """JSON values only; ``secrets``: with the keys of extenders' client certificates."""
    out: dict[str, Any] = {
        "kind": "KubeSchedulerConfiguration",
        "apiVersion": legacy.VERSION,
        "parallelism": configuration.parallelism,
        "leaderElection": _struct(configuration.leader_election, bare=False),
        "clientConnection": _struct(configuration.client_connection, bare=False),
        "enableProfiling": configuration.enable_profiling,
        "enableContentionProfiling": configuration.enable_contention_profiling,
        "percentageOfNodesToScore": configuration.percentage_of_nodes_to_score,
        "podInitialBackoffSeconds": configuration.pod_initial_backoff_seconds,
        "podMaxBackoffSeconds": configuration.pod_max_backoff_seconds,
        "profiles": [_profile(each) for each in configuration.profiles],
    }
    if configuration.extenders:
        out["extenders"] = [_extender(each, secrets) for each in configuration.extenders]
    if configuration.delay_cache_until_active:
        out["delayCacheUntilActive"] = True
    return out


def _profile(profile: types.Profile) -> dict[str, Any]:
    out: dict[str, Any] = {"schedulerName": profile.scheduler_name}
    if profile.percentage_of_nodes_to_score is not None:
        out["percentageOfNodesToScore"] = profile.percentage_of_nodes_to_score
    points = (*_POINTS, "placementGenerate", "placementScore")
    out["plugins"] = {point: _set(profile.sets[point]) for point in points}
    out["pluginConfig"] = [
        {"name": name, "args": _arguments(value)} for name, value in profile.plugin_config.items()
    ]
    return out


def _set(plugins: types.PluginSet) -> dict[str, Any]:
    out = {}
    if plugins.enabled:
        out["enabled"] = [plugin._asdict() for plugin in plugins.enabled]
    if plugins.disabled:
        out["disabled"] = [{"name": name, "weight": 0} for name in plugins.disabled]
    return out


def _arguments(value: object) -> Any:
    if not isinstance(value, arguments.Args):
        return value
    kind = {"kind": type(value).__name__, "apiVersion": legacy.VERSION}
    return kind | {key: each for key, each in _struct(value, bare=True).items() if each not in ("", [], {})}


def _extender(extender: types.Extender, secrets: bool) -> dict[str, Any]:
    out: dict[str, Any] = {"httpTimeout": "5s"} | _without_zeros(_struct(extender, bare=True))
    if not secrets:
        out.get("tlsConfig", {}).pop("keyData", None)
    return out


def _without_zeros(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_zeros(each) for key, each in value.items() if each}
    return [_without_zeros(each) for each in value] if isinstance(value, list) else value


def _struct(value: msgspec.Struct, *, bare: bool) -> dict[str, Any]:
    """The fields under their written names; ``bare``: without those that are empty."""
    out = {}
    for field in msgspec.structs.fields(value):
        found = getattr(value, field.name)
        if isinstance(found, float) and arguments.Duration in (field.type, *typing.get_args(field.type)):
            found = duration(found)
        found = _value(found)
        if not bare or found not in (None, "", [], {}, "0s"):
            out[field.encode_name] = found
    return out


def _value(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _struct(value, bare=True)
    if isinstance(value, tuple | list):
        return [_value(each) for each in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def duration(seconds: float) -> str:
    """As Go writes a duration: 1m30s, 1.5s, 250ms."""
    nanoseconds = round(seconds * 1e9)
    if nanoseconds < 0:
        return f"-{duration(-seconds)}"
    if nanoseconds < 10**9:
        size, unit = next(((size, unit) for size, unit in _UNITS if nanoseconds >= size), (1, "s"))
        return f"{nanoseconds / size:.9f}".rstrip("0").rstrip(".") + unit
    minutes, rest = divmod(nanoseconds, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 10**9:.9f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
