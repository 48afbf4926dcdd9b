"""The same requests to the embedded API server and to the real one: the answers are equal.

Compared are status code, Status reason and the fields its causes name, and objects but for uid, times,
versions, addresses and managers; of single bad fields the causes whole, text included.
"""

import contextlib
import copy
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests import control_plane
from tests.differential import run
from tests.integration import bad_fields, embedded_client, embedded_sequences
from tests.integration.embedded_client import MERGE, Client
from tests.integration.embedded_steps import meta

Pair = tuple[run.Server, run.Server]
_VARYING = {
    "lastPhaseTransitionTime",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "managedFields",
    "lastTransitionTime",
    "selfLink",
    "continue",
    "clusterIP",
    "clusterIPs",
    "token",
    "expirationTimestamp",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with control_plane.running(tmp_path_factory.mktemp("controlplane")) as plane:
        yield Client("127.0.0.1", plane.port, "admin-token")


@pytest.fixture(scope="module")
def ours() -> Iterator[Client]:
    with embedded_client.embedded() as running:
        yield embedded_client.client(running)


def plain(value: Any) -> Any:
    """Without what varies; of a refusal the code, the reason and the fields."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "Status":
        details = value.get("details") or {}
        fields = sorted({(c.get("reason"), c.get("field")) for c in details.get("causes") or ()})
        named = {key: details.get(key) for key in ("name", "group", "kind")}
        return {"status": value["status"], "reason": value.get("reason"), "fields": fields} | named
    made = {key: plain(part) for key, part in value.items() if key not in _VARYING}
    return {key: part for key, part in made.items() if key != "annotations" or part}


def ask(server: run.Server, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """What is told: code, and of a refusal reason and causes."""
    media = MERGE if method == "PATCH" else "application/json"
    status, found = server.request(method, path, text=None if body is None else json.dumps(body), media=media)
    if status < 300:
        return {"code": status}
    causes = (found.get("details") or {}).get("causes") or ()
    told = sorted((c.get("reason", ""), c.get("field", ""), c.get("message", "")) for c in causes)
    return {"code": status, "reason": found.get("reason"), "causes": told}


def fields(told: dict[str, Any]) -> dict[str, Any]:
    """Without the texts, in which an update shows whole objects as Go has them."""
    return told | {"causes": sorted({cause[:2] for cause in told.get("causes", ())})}


@pytest.fixture(scope="module")
def pair(real: Client, ours: Client) -> Iterator[Pair]:
    """Each on one connection, which is much faster than a new one each time."""
    with (
        contextlib.closing(run.Server(real.port, real.token)) as theirs,
        contextlib.closing(run.Server(ours.port, ours.token)) as mine,
    ):
        yield theirs, mine


@pytest.mark.slow
@pytest.mark.reference
@pytest.mark.parametrize("kind", bad_fields.GOOD)
def test_the_real_server_takes_what_the_bad_objects_are_made_from(kind: str, pair: Pair) -> None:
    path, good = bad_fields.GOOD[kind]
    body = {"metadata": {"name": "zz"}} | good
    assert [ask(each, "POST", f"{path}?dryRun=All", body) for each in pair] == [{"code": 201}] * 2


@pytest.mark.slow
@pytest.mark.reference
@pytest.mark.parametrize(
    ("kind", "case"), [(kind, case) for kind, cases in bad_fields.CASES.items() for case in cases]
)
def test_the_real_server_says_the_same_of_a_bad_field(kind: str, case: str, pair: Pair) -> None:
    path, body = bad_fields.made(kind, case)
    wanted, found = (ask(each, "POST", f"{path}?dryRun=All", body) for each in pair)
    assert found == wanted


@pytest.mark.slow
@pytest.mark.reference
@pytest.mark.parametrize("kind", sorted(bad_fields.GOOD.keys() - {"namespace"}))
def test_the_real_server_says_the_same_of_a_bad_change(kind: str, pair: Pair) -> None:
    path, good = bad_fields.GOOD[kind]
    body = {"metadata": {"name": "yy"}} | good
    assert [ask(each, "POST", path, body) for each in pair] == [{"code": 201}] * 2
    changes = {
        case: patch
        for case, patch in bad_fields.CASES[kind].items()
        if "name" not in patch.get("metadata", {}) and case not in bad_fields.ONLY_NEW
    }
    wanted, found = (
        {case: fields(ask(each, "PATCH", f"{path}/yy?dryRun=All", patch)) for case, patch in changes.items()}
        for each in pair
    )
    for each in pair:
        ask(each, "DELETE", f"{path}/yy")
    assert found == wanted


@pytest.mark.slow
@pytest.mark.reference
@pytest.mark.parametrize("sequence", embedded_sequences.SEQUENCES)
def test_the_real_server_answers_the_same(sequence: str, real: Client, ours: Client) -> None:
    for client in (real, ours):
        made = client("POST", "/api/v1/namespaces", meta("diff"))
        assert made[0] in {201, 409}
    differences = []
    for number, step in enumerate(embedded_sequences.SEQUENCES[sequence]):
        theirs, mine = (
            dataclasses.replace(client, user=step.user)(
                step.method, step.path, copy.deepcopy(step.body), step.media
            )
            for client in (real, ours)
        )
        wanted, found = (theirs[0], plain(theirs[1])), (mine[0], plain(mine[1]))
        if wanted != found:
            differences.append((number, step.method, step.path, wanted, found))
    assert not differences
