"""python -m tests.fuzz [--seed S] [--count N] [--family F]… [--oracle | --engine] [--out DIR] [-o json]

Random scenarios, the real kube-scheduler's answers to them against a candidate's. Every new difference is
shrunk to a small case and written, with the real answer, to DIR (tests/data/fuzz); the tests replay those.
Exit 1 on a difference, 2 where something is not there.
"""

import argparse
import contextlib
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests import reference_bin
from tests.fuzz import reference, run, scenarios

DATA = Path(__file__).parents[1] / "data" / "fuzz"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description="Compare with the real kube-scheduler."
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument(
        "--family", action="append", choices=scenarios.ALL, metavar="FAMILY", help="; ".join(scenarios.ALL)
    )
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--oracle", dest="candidate", action="store_const", const="oracle")
    who.add_argument("--engine", dest="candidate", action="store_const", const="engine")
    parser.add_argument("--out", type=Path, default=DATA, help="where shrunk cases go")
    parser.add_argument("--shrink-seconds", type=float, default=40, help="at most this long for a case")
    parser.add_argument("--max-cases", type=int, default=20, help="stop after so many new cases")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    parser.set_defaults(candidate="engine")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    console = Console(stderr=True)
    program = reference_bin.find("answer")
    if program is None:
        console.print(reference_bin.MISSING)
        return 2
    try:
        answer = reference.candidate(args.candidate)
    except ImportError as error:
        console.print(f"the {args.candidate} is not there: {error}")
        return 2
    names = args.family or scenarios.ALL
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with reference.Reference(program) as real, Progress(*columns, console=console) as progress:
        task = progress.add_task(f"{args.candidate}, seed {args.seed}", total=args.count)
        fuzz = run.Run(
            real,
            answer,
            args.out,
            args.candidate,
            args.shrink_seconds,
            lambda text: progress.console.print(text, markup=False),
        )
        with contextlib.suppress(KeyboardInterrupt):
            for batch in run.batched(scenarios.stream(args.seed, args.count, names), 32):
                fuzz.batch(batch)
                progress.advance(task, len(batch))
                if len(fuzz.written) >= args.max_cases:
                    break
    if args.output == "json":
        print(json.dumps(fuzz.as_json(), indent=1))
    else:
        run.report(fuzz, Console(width=140))
    return 1 if fuzz.differences else 0


if __name__ == "__main__":
    sys.exit(main())
