"""Whether a step is the recorded one.

Reasons, `best` and victims are sets; of several nodes that default preemption likes equally, any may
be nominated; everything else is exact. An empty field is like an absent one, a score of 0 like none
(a plugin that was skipped). A field that is not known here is a difference, whoever has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stowage.simulate.conformance import nomination

Json = Mapping[str, Any]
Question = Callable[[], Json]
PREEMPTION = "DefaultPreemption"
UNNAMED = "(no plugin)"
"""Verdicts of the framework itself."""


@dataclass(frozen=True, slots=True)
class Part:
    """One compared part of a step: of ``plugin``'s answers, or of what follows from them (empty)."""

    plugin: str
    field: str
    at: str
    expected: Any
    got: Any
    equal: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Where an answer is not the recorded one. ``step`` counts from 0, -1: the scenario as a whole."""

    scenario: str
    step: int
    pod: str
    field: str
    at: str
    expected: str
    got: str


@dataclass(slots=True)
class Tally:
    """What came of comparing: (equal, all) answers by plugin, and the differences."""

    answers: dict[str, list[int]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    steps: int = 0
    equal_steps: int = 0

    def book(self, plugin: str, equal: bool) -> None:
        """Counts one answer of a plugin."""
        count = self.answers.setdefault(plugin, [0, 0])
        count[0] += equal
        count[1] += 1


def compare(scenario: str, question: Question, expected: Sequence[Json], got: Sequence[Json]) -> Tally:
    """Judges all steps of a scenario. ``question`` gives its objects, where two nominations are weighed."""
    tally = Tally()
    missing: Json = {}
    for index in range(max(len(expected), len(got))):
        wanted = expected[index] if index < len(expected) else missing
        came = got[index] if index < len(got) else missing
        pod = str(wanted.get("pod") or came.get("pod") or "")
        tally.steps += 1
        before = len(tally.differences)
        for part in parts(question, wanted, came):
            if part.plugin:
                tally.book(part.plugin, part.equal)
            if not part.equal:
                texts = _text(part.expected), _text(part.got)
                tally.differences.append(Difference(scenario, index, pod, part.field, part.at, *texts))
        tally.equal_steps += len(tally.differences) == before
    return tally


def parts(question: Question, wanted: Json, got: Json) -> Iterator[Part]:
    """Every comparison of two steps."""
    for name in ("pod", "preFilterNodes", "chosen", "message", "error"):
        yield from _whole(name, wanted.get(name), got.get(name), lambda value: value)
    yield from _whole("best", wanted.get("best"), got.get("best"), _as_set)
    for name in ("preEnqueue", "preFilter"):
        yield from _verdicts(name, "", wanted.get(name), got.get(name))
    for node, one, other in _pairs(wanted.get("rejected"), got.get("rejected")):
        yield from _verdicts("rejected", node, one, other)
    for node, one, other in _pairs(wanted.get("scores"), got.get("scores")):
        yield from _scores(node, one, other)
    for node, one, other in _pairs(wanted.get("totals"), got.get("totals")):
        yield Part("", "totals", node, one, other, one == other)
    for node, one, other in _pairs(wanted.get("preemption"), got.get("preemption")):
        equal = _victims(one) == _victims(other)
        yield Part(PREEMPTION, "preemption", node, one, other, equal)
    yield from _nominated(question, wanted, got)
    for name in sorted({*wanted, *got} - KNOWN):
        yield Part("", name, "not compared", wanted.get(name), got.get(name), False)


KNOWN = {
    "pod",
    "preEnqueue",
    "preFilter",
    "preFilterNodes",
    "rejected",
    "scores",
    "totals",
    "best",
    "chosen",
    "preemption",
    "nominated",
    "message",
    "error",
}


def _whole(name: str, one: Any, other: Any, plain: Callable[[Any], Any]) -> Iterator[Part]:
    if one or other:
        yield Part("", name, "", one, other, bool(one) == bool(other) and plain(one) == plain(other))


def _pairs(one: Json | None, other: Json | None) -> Iterator[tuple[str, Any, Any]]:
    """(key, value, value) for every key of either."""
    one, other = one or {}, other or {}
    for key in sorted({*one, *other}):
        yield key, one.get(key), other.get(key)


def _verdicts(name: str, node: str, one: Json | None, other: Json | None) -> Iterator[Part]:
    """A verdict counts for the plugin that gave the recorded one; one too many for its own."""
    if one or other:
        plugin = (one or other or {}).get("plugin") or UNNAMED
        yield Part(plugin, name, node, one, other, _verdict(one) == _verdict(other))


def _verdict(verdict: Json | None) -> Any:
    if verdict is None:
        return None
    return {**verdict, "plugin": verdict.get("plugin") or "", "reasons": _as_set(verdict.get("reasons"))}


def _scores(node: str, one: Json | None, other: Json | None) -> Iterator[Part]:
    """A score of 0 that only one side has is not counted as an answer."""
    if one is None or other is None:
        yield Part("", "scores", node, one, other, False)
    one, other = one or {}, other or {}
    for plugin in sorted({*one, *other}):
        expected, got = one.get(plugin), other.get(plugin)
        if expected or got or expected == got:
            yield Part(plugin, "scores", f"{node} {plugin}", expected, got, (expected or 0) == (got or 0))


def _victims(victims: Json | None) -> Any:
    return None if victims is None else {**victims, "pods": _as_set(victims.get("pods"))}


def _nominated(question: Question, wanted: Json, got: Json) -> Iterator[Part]:
    one, other = wanted.get("nominated") or "", got.get("nominated") or ""
    if one or other:
        equal = one == other or nomination.as_good(question(), wanted.get("preemption") or {}, one, other)
        yield Part(PREEMPTION, "nominated", "", one, other, equal)


def _as_set(values: Sequence[str] | None) -> frozenset[str]:
    return frozenset(values or ())


LONGEST = 400
"""Characters of a value in a report."""


def _text(value: Any) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"
