"""Records the real kube-scheduler's answers to random scenarios.

usage: python -m tests.reference.record SEED COUNT OUT_DIR

Writes OUT_DIR/<family>.jsonl.gz, one scenario with its answer ("steps") a line, in place of what is there.
Each scenario is asked twice; one whose two answers differ, once the order of reasons is set aside, is left
out and named.
"""

import collections
import gzip
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests import reference_bin


def tidy(step: dict[str, Any]) -> dict[str, Any]:
    """The step with its sets, reasons and victims, sorted in place."""
    for verdict in [step.get("preFilter"), step.get("preEnqueue"), *(step.get("rejected") or {}).values()]:
        if verdict:
            verdict["reasons"] = sorted(verdict["reasons"] or [])
    for victims in (step.get("preemption") or {}).values():
        victims["pods"] = sorted(victims["pods"])
    return step


def ask(program: Path, lines: Sequence[str]) -> list[dict[str, Any]]:
    """One answer a scenario, in order, each with its steps tidied."""
    asked = subprocess.run(
        [program], input="\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True, check=True
    )
    answers = [json.loads(line) for line in asked.stdout.splitlines()]
    for answer in answers:
        answer["steps"] = [tidy(step) for step in answer.get("steps") or []]
    return answers


def errors(answer: dict[str, Any]) -> list[str]:
    """What the program could not do of a scenario; empty where it answered everything."""
    own = [answer["error"]] if answer.get("error") else []
    return own + [step["error"] for step in answer["steps"] if step.get("error")]


def generate(seed: str, count: str) -> list[str]:
    """COUNT scenarios, a JSON line each."""
    command = [sys.executable, str(Path(__file__).with_name("scenarios.py")), seed, count]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()


def write(folder: Path, families: dict[str, list[str]]) -> None:
    """Replaces the folder's recorded files; the same scenarios give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.jsonl.gz"):
        stale.unlink()
    for family, rows in families.items():
        text = "".join(f"{row}\n" for row in rows)
        (folder / f"{family}.jsonl.gz").write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


def main() -> None:
    """Generates, asks twice, keeps what is stable, and says how much that was."""
    seed, count, folder = sys.argv[1:]
    program = reference_bin.find("answer")
    if program is None:
        sys.exit(reference_bin.MISSING)
    lines = generate(seed, count)
    print(f"asking for the answers to {len(lines)} scenarios, twice", flush=True)
    kept: collections.Counter[str] = collections.Counter()
    families: dict[str, list[str]] = collections.defaultdict(list)
    for line, first, second in zip(lines, ask(program, lines), ask(program, lines), strict=True):
        scenario = json.loads(line)
        if errors(first):
            kept["error"] += 1
            print("error", scenario["id"], errors(first), file=sys.stderr)
        elif first["steps"] != second["steps"]:
            kept["unstable"] += 1
            print("unstable", scenario["id"], file=sys.stderr)
        else:
            kept["kept"] += 1
            kept["steps"] += len(first["steps"])
            families[scenario["family"]].append(
                json.dumps(scenario | {"steps": first["steps"]}, separators=(",", ":"))
            )
    write(folder=Path(folder), families=families)
    print(", ".join(f"{name} {number}" for name, number in kept.items()))


if __name__ == "__main__":
    main()
