"""One run of the fuzzer: ask, compare, shrink what differs, and keep count."""

import hashlib
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.fuzz import compare, shrink
from tests.fuzz.coverage import Coverage
from tests.fuzz.reference import Candidate, Reference, steps_of, without_steps
from tests.fuzz.world import Json


def batched(items: Iterable[Json], size: int) -> Iterator[list[Json]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def errors(answer: Json) -> list[str]:
    """What kept the real one from an answer."""
    if answer.get("error"):
        return [answer["error"]]
    return [step["error"] for step in answer["steps"] or [] if step.get("error")]


class Run:
    """Counts and cases of one run of one candidate."""

    def __init__(
        self,
        real: Reference,
        answer: Candidate,
        out: Path,
        name: str,
        seconds: float,
        say: Callable[[str], None],
    ) -> None:
        self.real, self.answer, self.out, self.name = real, answer, out, name
        self.seconds, self.say = seconds, say
        self.coverage = Coverage()
        self.errors: Counter[str] = Counter()
        self.unstable: list[str] = []
        self.differences: Counter[str] = Counter()
        self.scenarios: dict[str, list[str]] = {}  # signature -> the ids that showed it
        self.written: list[Path] = []
        self.pool = ThreadPoolExecutor(1)
        # Differences that a committed case already shows are not written again.
        self.known = {d.signature for d in (replay(case, answer) for case in cases(out)) if d}

    def batch(self, scenarios: list[Json]) -> None:
        asked = self.pool.submit(self.real.ask, scenarios)
        ours = [steps_of(self.answer, s) for s in scenarios]
        for scenario, answer, steps in zip(scenarios, asked.result(), ours, strict=True):
            failed = errors(answer)
            if failed:
                self.errors[re.sub(r'"[^"]*"', "*", failed[0])[:100]] += 1
                continue
            found = compare.first(scenario, answer["steps"], steps)
            if found and not self._stable(scenario, answer["steps"]):
                self.unstable.append(scenario["id"])
                continue
            self.coverage.add(scenario["family"], answer["steps"])
            if found:
                self._differs(scenario, found)

    def _stable(self, scenario: Json, steps: list[Json]) -> bool:
        """Whether the real one says the same three times more."""
        again = self.real.ask([scenario] * 3)
        return not any(errors(a) or compare.first(scenario, steps, a["steps"]) for a in again)

    def _differs(self, scenario: Json, found: compare.Difference) -> None:
        self.differences[found.signature] += 1
        self.scenarios.setdefault(found.signature, []).append(scenario["id"])
        if found.signature in self.known:
            return
        self.known.add(found.signature)
        self.say(f"{scenario['id']}: {found.signature}: shrinking")
        small = shrink.shrink(scenario, self._still(found.signature), self.seconds)
        steps = self.real.ask([small])[0]["steps"]
        path = write(self.out, small, steps, found.signature)
        self.written.append(path)
        shown = compare.first(small, steps, steps_of(self.answer, small)) or found
        self.say(f"  {path.name}\n  expected {shown.expected}\n  actual   {shown.actual}")

    def _still(self, signature: str) -> shrink.Check:
        def check(variants: list[Json]) -> list[bool]:
            ours = [steps_of(self.answer, v) for v in variants]
            verdicts = []
            for variant, answer, steps in zip(variants, self.real.ask(variants), ours, strict=True):
                found = None if errors(answer) else compare.first(variant, answer["steps"] or [], steps)
                verdicts.append(found is not None and found.signature == signature)
            return verdicts

        return check

    def as_json(self) -> dict[str, Any]:
        return {
            "candidate": self.name,
            "scenarios": sum(self.coverage.families.values()),
            "differences": dict(self.differences.most_common()),
            "differing": {k: v[:10] for k, v in self.scenarios.items()},
            "unstable": self.unstable,
            "errors": dict(self.errors.most_common()),
            "cases": [p.name for p in self.written],
            **self.coverage.as_json(),
        }


def cases(folder: Path) -> list[Json]:
    """The committed cases, by name."""
    return [load(path) for path in sorted(folder.glob("*.json"))]


def load(path: Path) -> Json:
    case: Json = json.loads(path.read_text())
    return case


def replay(case: Json, answer: Candidate) -> compare.Difference | None:
    return compare.first(case, case["steps"], steps_of(answer, case))


def write(out: Path, scenario: Json, steps: list[Json], signature: str) -> Path:
    """Writes a case under a name that says what differed."""
    out.mkdir(parents=True, exist_ok=True)
    told = re.sub(r"[^a-z0-9]+", "-", signature.lower()).strip("-")[:60].strip("-")
    body = without_steps(scenario)
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:6]
    path = out / f"{told}-{digest}.json"
    case = {**body, "signature": signature, "steps": [compare.tidy(step) for step in steps]}
    path.write_text(json.dumps(case, indent=1) + "\n")
    return path


def report(run: Run, console: Console) -> None:
    """The tables and the last sentence of a run."""
    reasons = Table("plugin", "code", "reason", "rejections", title="Rejections")
    for (plugin, code, reason), count in sorted(run.coverage.rejections.items()):
        reasons.add_row(plugin, code, reason, str(count))
    scores = Table("plugin", "scores", "not 0", title="Scores")
    for plugin, count in sorted(run.coverage.scores.items()):
        scores.add_row(plugin, str(count), str(run.coverage.nonzero[plugin]))
    console.print(reasons, scores)
    console.print("steps:", dict(sorted(run.coverage.steps.items())))
    for message, count in run.errors.most_common():
        console.print(f"no answer from the real one: {count} × {message}", markup=False)
    for signature, count in run.differences.most_common():
        where = ", ".join(run.scenarios[signature][:3])
        console.print(f"{count} × {signature} ({where})", markup=False)
    compared, differ = sum(run.coverage.families.values()), sum(run.differences.values())
    console.print(
        f"{compared} scenarios compared, {differ} differ in {len(run.differences)} ways, "
        f"{len(run.unstable)} unstable, {sum(run.errors.values())} unanswered."
    )
