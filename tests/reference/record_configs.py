"""Records what the real kube-scheduler makes of the configurations of tests/data/configs/cases.yaml.

usage: python -m tests.reference.record_configs

Asks the program `configcheck` that `make reference` builds; writes answers.json beside.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests import reference_bin

FOLDER = Path(__file__).parents[1] / "data" / "configs"


def ask(program: str, cases: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The program's answers by case: `errors`, or `plugins` by profile and extension point."""
    questions = "".join(json.dumps({"id": name, "config": text}) + "\n" for name, text in cases.items())
    done = subprocess.run([program], input=questions, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {answer.pop("id"): answer for answer in answers}


def main() -> None:
    program = reference_bin.find("configcheck")
    if program is None:
        sys.exit(reference_bin.MISSING)
    cases = yaml.safe_load((FOLDER / "cases.yaml").read_text(encoding="utf-8"))
    lines = (f"{json.dumps(name)}: {json.dumps(answer)}" for name, answer in ask(str(program), cases).items())
    (FOLDER / "answers.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
