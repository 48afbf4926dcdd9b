"""What all scenarios amount to: counts by family and by plugin, the first differences, one sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from stowage.simulate.conformance import compare, run


@dataclasses.dataclass(slots=True)
class Count:
    """How many of all were equal."""

    equal: int = 0
    all: int = 0

    def add(self, equal: int, all: int = 1) -> None:
        """Adds some."""
        self.equal += equal
        self.all += all


class Family:
    """The counts of one family."""

    def __init__(self) -> None:
        self.scenarios = Count()
        self.pods = Count()
        self.plugins: dict[str, Count] = {}

    @property
    def answers(self) -> Count:
        """Over all plugins."""
        return summed(self.plugins.values())


class Totals:
    """Takes results; keeps the first ``keep`` differences in full and counts the others."""

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self.families: dict[str, Family] = {}
        self.differences = 0
        self.first: list[compare.Difference] = []

    def add(self, result: run.Result) -> None:
        """Counts one scenario."""
        tally = result.tally
        family = self.families.setdefault(result.family, Family())
        family.scenarios.add(not tally.differences)
        family.pods.add(tally.equal_steps, tally.steps)
        for plugin, (equal, all_) in tally.answers.items():
            family.plugins.setdefault(plugin, Count()).add(equal, all_)
        self.differences += len(tally.differences)
        self.first.extend(tally.differences[: self.keep - len(self.first)])

    @property
    def scenarios(self) -> Count:
        """All scenarios."""
        return summed(family.scenarios for family in self.families.values())

    @property
    def pods(self) -> Count:
        """All pending pods, each with everything that was answered about it."""
        return summed(family.pods for family in self.families.values())

    @property
    def plugins(self) -> dict[str, Count]:
        """Plugin -> its rejections and scores over all families."""
        names = sorted({name for family in self.families.values() for name in family.plugins})
        return {
            name: summed(f.plugins[name] for f in self.families.values() if name in f.plugins)
            for name in names
        }

    @property
    def sentence(self) -> str:
        """The totals in one sentence."""
        scenarios, pods, answers = self.scenarios, self.pods, summed(self.plugins.values())
        counted = (
            f"{scenarios.equal:,} of {scenarios.all:,} scenarios, {pods.equal:,} of {pods.all:,} pods and "
            f"{answers.equal:,} of {answers.all:,} answers are equal"
        )
        return f"{counted}: {self.differences:,} difference{'' if self.differences == 1 else 's'}."

    def plain(self) -> dict[str, Any]:
        """For `-o json`."""
        return {
            "scenarios": dataclasses.asdict(self.scenarios),
            "pods": dataclasses.asdict(self.pods),
            "answers": dataclasses.asdict(summed(self.plugins.values())),
            "differences": self.differences,
            "families": {
                name: {
                    "scenarios": dataclasses.asdict(family.scenarios),
                    "pods": dataclasses.asdict(family.pods),
                    "answers": dataclasses.asdict(family.answers),
                    "plugins": _plain(family.plugins),
                }
                for name, family in sorted(self.families.items())
            },
            "plugins": _plain(self.plugins),
            "firstDifferences": [dataclasses.asdict(each) for each in self.first],
            "summary": self.sentence,
        }


def _plain(counts: dict[str, Count]) -> dict[str, Any]:
    return {name: dataclasses.asdict(count) for name, count in sorted(counts.items())}


def summed(counts: Iterable[Count]) -> Count:
    """One count of all."""
    total = Count()
    for count in counts:
        total.add(count.equal, count.all)
    return total
