"""The deliberate errors fit the code as it is, and a sample of them is noticed. All: `make mutants`."""

from pathlib import Path

import pytest

from tests.mutants import run
from tests.mutants.mutants import MUTANTS, Mutant

SAMPLE = ("fit-infects", "spread-min-domains", "interpod-order", "nominated-once", "table-undo-order")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_text_that_an_error_replaces_is_there_once(mutant: Mutant) -> None:
    assert run.mutated(mutant) != (run.SOURCE / mutant.file).read_text()


def test_every_error_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.slow
def test_the_suite_notices_an_error(tmp_path: Path) -> None:
    folder = run.copied(tmp_path)
    chosen = [mutant for mutant in MUTANTS if mutant.name in SAMPLE]
    assert len(chosen) == len(SAMPLE)
    for tests in {tests for mutant in chosen for tests in mutant.tests}:
        assert run.failing(tests, folder) is None  # without an error
    assert [mutant.name for mutant in chosen if run.noticed(mutant, folder) is None] == []
