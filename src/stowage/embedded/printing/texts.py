"""How parts of objects are written in a table's cells: labels, selectors, addresses, metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

Object = dict[str, Any]
NONE: Final = "<none>"
UNSET: Final = "<unset>"
_SIGNS: Final = {"In": " in ", "NotIn": " notin "}
_MODES: Final = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def at(value: Any, path: str) -> Any:
    """What stands there, by names with points between; None where nothing does."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def each(value: Any, path: str) -> Sequence[Any]:
    """The items of a list that may be missing."""
    return at(value, path) or ()


def labels(found: dict[str, str] | None) -> str:
    return ",".join(sorted(f"{key}={text}" for key, text in (found or {}).items())) or NONE


def selector(found: Object | None) -> str:
    """A label selector as one is written in a query; empty where it is."""
    stated = found or {}
    parts = [(key, f"{key}={text}") for key, text in sorted((stated.get("matchLabels") or {}).items())]
    parts += [(part["key"], _requirement(part)) for part in stated.get("matchExpressions") or ()]
    return ",".join(text for _, text in sorted(parts, key=lambda part: part[0]))


def _requirement(part: Object) -> str:
    if sign := _SIGNS.get(part["operator"]):
        return f"{part['key']}{sign}({','.join(sorted(part.get('values') or ()))})"
    return ("!" if part["operator"] == "DoesNotExist" else "") + str(part["key"])


def selector_fields(found: Object) -> str:
    """A label selector as Go's `String` writes it."""
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{part['key']},Operator:{part['operator']},"
        f"Values:[{' '.join(part.get('values') or ())}],}},"
        for part in found.get("matchExpressions") or ()
    )
    pairs = "".join(f"{key}: {text}," for key, text in sorted((found.get("matchLabels") or {}).items()))
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{pairs}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


def first(items: Iterable[str], most: int) -> str:
    """The first of them, and how many more there are."""
    found = list(items)
    shown = ",".join(found[:most])
    return shown if len(found) <= most else f"{shown} + {len(found) - most} more..."


def modes(found: Iterable[str]) -> str:
    stated = set(found)
    return ",".join(short for mode, short in _MODES.items() if mode in stated)


def balancer(ingress: Iterable[Object]) -> str:
    """The addresses of a load balancer."""
    return ",".join(sorted({part.get("ip") or part.get("hostname") or "" for part in ingress} - {""}))


def endpoints(subsets: Sequence[Object]) -> str:
    """The first three addresses of an Endpoints object, with each of their ports."""
    found = []
    for subset in subsets:
        ports = [f":{port['port']}" for port in subset.get("ports") or ()]
        for port in ports or [""]:
            found += [_host(part["ip"], port) for part in subset.get("addresses") or ()]
    return first(found, 3) if subsets else NONE


def _host(ip: str, port: str) -> str:
    return f"[{ip}]{port}" if port and ":" in ip else f"{ip}{port}"


def service_port(port: Object) -> str:
    outside = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{outside}/{port.get('protocol', '')}"


def metrics(specs: Sequence[Object], statuses: Sequence[Object]) -> str:
    """What a HorizontalPodAutoscaler goes by: what there is, and what is wanted, of the first two metrics."""
    if not specs:
        return NONE
    found = [_metric(spec, statuses[i] if i < len(statuses) else {}) for i, spec in enumerate(specs)]
    shown = ", ".join(found[:2])
    return shown if len(found) <= 2 else f"{shown} + {len(found) - 2} more..."


def _metric(spec: Object, status: Object) -> str:
    kind = spec.get("type") or ""  # which nothing here refuses
    field = kind[:1].lower() + kind[1:]
    stated, current = spec.get(field) or {}, at(status, f"{field}.current")
    target = stated.get("target") or {}
    if kind in {"External", "Object"}:
        if "averageValue" in target:
            return f"{at(current, 'averageValue') or '<unknown>'}/{target['averageValue']} (avg)"
        return f"{_shown(current, 'value')}/{target.get('value', '<nil>')}"
    if kind == "Pods":
        return f"{_shown(current, 'averageValue')}/{target.get('averageValue', '<nil>')}"
    name = stated.get("name", "")
    if "averageValue" in target:
        return f"{name}: {_shown(current, 'averageValue')}/{target['averageValue']}"
    used, wanted = at(current, "averageUtilization"), target.get("averageUtilization")
    unknown, auto = "<unknown>", "<auto>"
    return f"{name}: {unknown if used is None else f'{used}%'}/{auto if wanted is None else f'{wanted}%'}"


def _shown(current: Object | None, name: str) -> Any:
    """A measured value; a nil pointer of Go where it was measured and is none."""
    return "<unknown>" if current is None else current.get(name, "<nil>")
