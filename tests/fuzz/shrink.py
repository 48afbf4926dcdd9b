"""Making a differing scenario as small as it gets, while it differs in the same way."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.fuzz.world import Json, copy

Path = tuple[str | int, ...]
# Which of some variants still differ as the first one did.
Check = Callable[[list[Json]], list[bool]]

BATCH = 16
# What an API server insists on, or what gives the rest its meaning.
KEPT = {
    "apiVersion",
    "kind",
    "name",
    "namespace",
    "uid",
    "metadata",
    "spec",
    "key",
    "operator",
    "topologyKey",
    "whenUnsatisfiable",
    "maxSkew",
    "weight",
    "effect",
    "containers",
    "image",
    "containerPort",
    "preference",
    "podAffinityTerm",
    "nodeSelectorTerms",
    "claimName",
    "provisioner",
    "volumeBindingMode",
    "schedulerName",
    "profiles",
    "args",
    "phase",
    "resources",
    "driver",
    "drivers",
    "nodeID",
    "accessModes",
    "attacher",
    "source",
    "storageClassName",
    "allocatable",
    "cpu",
    "memory",
    "pods",
}
# Lists an API server wants at least one of.
FILLED = {
    "containers",
    "nodeSelectorTerms",
    "values",
    "accessModes",
    "profiles",
    "matchLabelExpressions",
    "monitors",
}


def shrink(scenario: Json, check: Check, seconds: float = 60) -> Json:
    """The smallest scenario found within `seconds` that `check` still accepts."""
    deadline = time.monotonic() + seconds
    small: Json = copy(scenario)
    if isinstance(small.get("config"), str):
        small["config"] = json.loads(small["config"])
    while time.monotonic() < deadline:
        before = len(json.dumps(small))
        for paths in _rounds(small):
            small = _drop(small, paths, check, deadline)
        if len(json.dumps(small)) == before:
            break
    return packed(small)


def packed(scenario: Json) -> Json:
    """The scenario with its configuration as text again."""
    if isinstance(scenario.get("config"), dict):
        return {**scenario, "config": json.dumps(scenario["config"])}
    return scenario


def _rounds(scenario: Json) -> Iterator[list[Path]]:
    """What may be dropped, coarse before fine; each round looks at what the one before left."""
    yield [("assume",), ("config",)]
    yield [("pending", i) for i in range(len(scenario["pending"]))]
    yield [("objects", i) for i in range(len(scenario["objects"]))]
    for depth in range(1, 9):
        found: list[Path] = []
        for root in ("config", "pending", "objects"):
            for path in _paths(scenario.get(root), (root,)):
                if len(path) == depth + (1 if root == "config" else 2):
                    found.append(path)
        if found:
            yield found


def _paths(value: Any, at: Path) -> Iterator[Path]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in KEPT or (key in ("cpu", "memory") and at[-1] in ("requests", "limits")):
                yield (*at, key)
            yield from _paths(inner, (*at, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            if len(value) > 1 or at[-1] not in FILLED:
                yield (*at, i)
            yield from _paths(inner, (*at, i))


def without(scenario: Json, paths: list[Path]) -> Json:
    made: Json = copy(scenario)
    for path in sorted(paths, key=_order, reverse=True):  # later list items first: indices stay right
        value: Any = made
        try:
            for step in path[:-1]:
                value = value[step]
            del value[path[-1]]
        except (KeyError, IndexError):
            continue  # dropped with something around it
    return made


def _order(path: Path) -> list[tuple[int, str]]:
    return [(step, "") if isinstance(step, int) else (-1, step) for step in path]


def _drop(scenario: Json, paths: list[Path], check: Check, deadline: float) -> Json:
    """Drops as many of `paths` as go: all, halves, and so on down to single ones."""
    dropped: list[Path] = []
    work = [paths]
    while work and time.monotonic() < deadline:
        batch, work = work[:BATCH], work[BATCH:]
        verdicts = check([packed(without(scenario, [*dropped, *part])) for part in batch])
        good = [part for part, ok in zip(batch, verdicts, strict=True) if ok]
        together = [path for part in good for path in part]
        if len(good) > 1 and not check([packed(without(scenario, [*dropped, *together]))])[0]:
            dropped += good[0]
            work += good[1:]  # each goes alone, not all together: try again one by one
        else:
            dropped += together
        for part, ok in zip(batch, verdicts, strict=True):
            if not ok and len(part) > 1:
                half = len(part) // 2
                work += [part[:half], part[half:]]
    return without(scenario, dropped)
