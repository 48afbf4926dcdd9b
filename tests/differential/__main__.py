"""python -m tests.differential [--seed S] [--count N] [--kind PLURAL]

Random request sequences to the embedded API server and to the real one. Each difference is shrunk to the
steps that bring it about. Exit 1 on a difference, 2 where the real server is not built.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests import control_plane, reference_bin
from tests.differential import kinds, requests, run
from tests.integration import embedded_client

WATCHED = 0.25
"""The share of sequences after which a watch is compared as well; it takes a second."""


@contextlib.contextmanager
def servers() -> Iterator[run.Pair]:
    """Both servers, for the length of a block."""
    with (
        tempfile.TemporaryDirectory() as folder,
        control_plane.running(Path(folder)) as plane,
        embedded_client.embedded() as ours,
    ):
        client = embedded_client.client(ours)
        pair = run.Pair(run.Server(plane.port, "admin-token"), run.Server(client.port, client.token))
        try:
            pair.define(kinds.WIDGETS)
            yield pair
        finally:
            pair.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300, help="how many sequences")
    parser.add_argument("--kind", choices=sorted({each.plural for each in kinds.KINDS}), metavar="PLURAL")
    args = parser.parse_args()
    console = Console(stderr=True)
    if reference_bin.find("kube-apiserver") is None:
        console.print(reference_bin.MISSING)
        return 2
    seen: collections.Counter[str] = collections.Counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with servers() as pair, Progress(*columns, console=console) as progress:
        for number in progress.track(range(args.count), description=f"seed {args.seed}"):
            seed = args.seed * 1_000_003 + number
            only = [each for each in kinds.KINDS if each.plural == args.kind]
            chosen = only[number % len(only)] if only else None  # there are two kinds of events
            if difference := compared(pair, seed, chosen):
                seen[difference.signature] += 1
                if seen[difference.signature] == 1:
                    _tell(console, pair, seed, chosen, difference)
    for (verb, code), times in sorted(pair.answers.items()):
        print(f"{verb:7} {code}  {times:6}")
    told = f"{len(seen)} kinds of difference, {seen.total()} in all"
    print(f"{args.count} sequences, {pair.answers.total()} requests: {told}")
    return 1 if seen else 0


def compared(pair: run.Pair, seed: int, only: kinds.Kind | None = None) -> run.Difference | None:
    """One sequence to both."""
    steps, watched = _sequence(seed, only)
    return pair.run(steps, watched, f"d{seed}")


def _sequence(seed: int, only: kinds.Kind | None) -> tuple[list[requests.Step], run.Watched | None]:
    """Its steps, and the watch that is compared."""
    made, rng = requests.Sequence(seed, only), random.Random(seed)
    kept = [each for each in made.kinds if each.kept]
    steps = made.steps()
    if not kept or rng.random() >= WATCHED:
        return steps, None
    selector = rng.choice(["", "", "app=web", "tier", "tier!=1"])
    accept = rng.choice([requests.JSON, requests.JSON, requests.TABLE])
    return steps, run.Watched(rng.choice(kept), selector, rng.random() < 0.25, accept)


def _tell(
    console: Console, pair: run.Pair, seed: int, only: kinds.Kind | None, difference: run.Difference
) -> None:
    small = run.shrink(pair, *_sequence(seed, only), difference, f"s{seed}")
    told = [
        f"sequence {seed}:",
        *(f"  {step}" for step in small),
        *(f"    {line}" for line in difference.lines[:6]),
    ]
    console.print("\n".join(told), markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
