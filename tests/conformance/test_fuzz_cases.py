"""Every difference the fuzzer ever found, as a small scenario with the real kube-scheduler's answer."""

import importlib.util
from pathlib import Path

import pytest

from tests.fuzz import reference, run
from tests.fuzz.__main__ import DATA

CASES = sorted(DATA.glob("*.json"))


def agrees(name: str, path: Path) -> None:
    package = reference.CANDIDATES[name]
    if (
        importlib.util.find_spec(package.rpartition(".")[0]) is None
        or importlib.util.find_spec(package) is None
    ):
        pytest.skip(f"{package} is not there yet")
    case = run.load(path)
    found = run.replay(case, reference.candidate(name))
    assert found is None, f"{found}"


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_the_oracle_answers_as_kube_scheduler_does(path: Path) -> None:
    agrees("oracle", path)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_the_engine_answers_as_kube_scheduler_does(path: Path) -> None:
    agrees("engine", path)
