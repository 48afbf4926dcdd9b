"""Health checks: the texts of k8s.io/apiserver, and when each of kube-scheduler's checks fails."""

import types
from typing import Any

import pytest

from stowage.scheduler.https import health

GROUP = health.Group(
    "readyz",
    [health.PING, health.Check("shutdown", lambda: "process is shutting down", "going")],
    health.Results(),
)


def process(**changed: Any) -> Any:
    return types.SimpleNamespace(
        **{"candidate": object(), "ending": False, "synced": True, "overdue": float("-inf"), **changed}
    )


def groups(made: Any) -> dict[str, health.Group]:
    return health.groups(made, health.Results())


@pytest.mark.parametrize(
    "verbose, excluded, well, text",
    [
        (
            False,
            [],
            False,
            "[+]ping ok\n[-]shutdown failed: reason withheld\nreadyz check failed\n",
        ),
        (False, ["shutdown"], True, "ok"),
        (True, ["shutdown"], True, "[+]ping ok\n[+]shutdown excluded: ok\nreadyz check passed\n"),
        (
            True,
            ["shutdown", "b", "a"],
            True,
            "[+]ping ok\n[+]shutdown excluded: ok\n"
            'warn: some health checks cannot be excluded: no matches for "a","b"\nreadyz check passed\n',
        ),
    ],
    ids=["failing", "excluded", "verbose", "unknown"],
)
def test_the_text_is_the_apiservers(verbose: bool, excluded: list[str], well: bool, text: str) -> None:
    assert GROUP.told(verbose, excluded) == (well, text)


def test_a_check_is_found_by_name_and_alias() -> None:
    assert [GROUP.find(name) is not None for name in ("ping", "shutdown", "going", "", "other")] == [
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "changed, failing",
    [
        ({}, {}),
        ({"ending": True}, {"readyz": "shutdown"}),
        ({"synced": False}, {"readyz": "sched-handler-sync"}),
        ({"overdue": 19.0}, {}),
        ({"overdue": 21.0}, {"healthz": "leaderElection", "readyz": "leaderElection"}),
        ({"overdue": 21.0, "candidate": None}, {}),
    ],
    ids=["well", "ending", "not-synced", "late", "too-late", "no-election"],
)
def test_what_is_wrong_fails_where_it_does_in_kube_scheduler(
    changed: dict[str, Any], failing: dict[str, str]
) -> None:
    found = {}
    for name, group in groups(process(**changed)).items():
        for check in group.checks:
            if check.failure():
                found[name] = check.name
    assert found == failing


def test_without_an_election_healthz_is_a_ping() -> None:
    checks = {name: [each.name for each in group.checks] for name, group in groups(process()).items()}
    assert checks == {
        "healthz": ["leaderElection"],
        "livez": ["ping"],
        "readyz": ["leaderElection", "shutdown", "sched-handler-sync"],
    }
    alone = groups(process(candidate=None))
    assert [each.name for each in alone["healthz"].checks] == ["ping"]
    assert [each.name for each in alone["readyz"].checks] == ["shutdown", "sched-handler-sync"]
