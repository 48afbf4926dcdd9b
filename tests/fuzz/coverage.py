"""What the real answers of a run held: rejections by plugin and reason, scores by plugin, preemptions."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz.world import Json


@dataclass
class Coverage:
    """Counts of what was compared."""

    families: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)  # how a step ended
    rejections: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # plugin, code, reason
    scores: Counter[str] = field(default_factory=Counter)
    nonzero: Counter[str] = field(default_factory=Counter)

    def add(self, family: str, steps: list[Json]) -> None:
        self.families[family] += 1
        for step in steps:
            self._step(step)

    def _step(self, step: Json) -> None:
        ended = [k for k in ("preEnqueue", "preFilter", "chosen", "nominated", "message") if k in step]
        self.steps[ended[0] if ended else "nowhere"] += 1
        for point in ("preEnqueue", "preFilter"):
            if point in step:
                self._verdict(step[point])
        for verdict in (step.get("rejected") or {}).values():
            self._verdict(verdict)
        for row in (step.get("scores") or {}).values():
            for plugin, score in row.items():
                self.scores[plugin] += 1
                self.nonzero[plugin] += score != 0
        self.steps["with victims"] += bool(step.get("preemption"))
        self.steps["message compared"] += "message" in step

    def _verdict(self, verdict: Json) -> None:
        for reason in verdict["reasons"] or [""]:
            told = re.sub(r'"[^"]*"|\[[^\]]*\]|\S+/new\S*', "*", reason)
            self.rejections[verdict.get("plugin", ""), verdict["code"], told] += 1

    def as_json(self) -> dict[str, Any]:
        reasons = [
            {"plugin": p, "code": c, "reason": r, "count": n}
            for (p, c, r), n in sorted(self.rejections.items())
        ]
        scores = {p: {"compared": n, "nonzero": self.nonzero[p]} for p, n in sorted(self.scores.items())}
        return {
            "families": dict(sorted(self.families.items())),
            "steps": dict(sorted(self.steps.items())),
            "rejections": reasons,
            "scores": scores,
        }
