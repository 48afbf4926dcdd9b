"""`python -m tests.mutants [--only NAME]...`: plants each error in turn; exit 1 where the tests miss one,
2 where they fail without one.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.mutants import run
from tests.mutants.mutants import MUTANTS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", action="append", default=[], help="names, or how they begin")
    wanted = tuple(parser.parse_args().only)
    chosen = [mutant for mutant in MUTANTS if not wanted or mutant.name.startswith(wanted)]
    if not chosen:
        parser.error(f"no mutant of this name; there are {', '.join(each.name for each in MUTANTS)}")
    missed = 0
    with tempfile.TemporaryDirectory() as made:
        folder = run.copied(Path(made))
        for tests in sorted({tests for mutant in chosen for tests in mutant.tests}):
            failed = run.failing(tests, folder)
            if failed is not None:
                print(f"Without any error there fails already: {failed}")
                return 2
        for number, mutant in enumerate(chosen, 1):
            try:
                by = run.noticed(mutant, folder)
            except run.StaleError as stale:
                by, told = None, f"STALE: {stale}"
            else:
                told = by or "MISSED"
            missed += by is None
            print(f"{number:3}/{len(chosen)}  {mutant.name:34} {mutant.clause:62} {told}", flush=True)
    print(f"{len(chosen)} errors planted, {missed} missed.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
