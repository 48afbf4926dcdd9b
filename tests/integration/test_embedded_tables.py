"""What `kubectl get -o wide` is answered: the columns and cells of the real server, for every kind."""

import contextlib
import copy
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests import control_plane
from tests.differential import compare, kinds, objects, requests, run
from tests.integration import embedded_client, table_objects

KINDS = {f"{each.plural}.{each.group_version.rpartition('/')[0]}".rstrip("."): each for each in kinds.KINDS}
LISTED = {name: each for name, each in KINDS.items() if each.kept}
GADGETS = {
    "metadata": {"name": "gadgets.tables.example.com"},
    "spec": kinds.WIDGETS["spec"]
    | {"group": "tables.example.com", "names": {"plural": "gadgets", "kind": "Gadget"}},
}
_COLUMNS = [
    {"name": "Text", "type": "string", "jsonPath": ".spec.text", "description": "d", "priority": 1},
    {"name": "Number", "type": "integer", "jsonPath": ".spec.number", "format": "int32"},
    {"name": "Share", "type": "number", "jsonPath": ".spec.share"},
    {"name": "Flag", "type": "boolean", "jsonPath": ".spec.flag"},
    {"name": "Since", "type": "date", "jsonPath": ".spec.since"},
]
GADGETS["spec"]["versions"] = [GADGETS["spec"]["versions"][0] | {"additionalPrinterColumns": _COLUMNS}]
_GADGETS: list[dict[str, Any]] = [
    {"spec": {"text": "a", "number": 3, "share": 0.5, "flag": True, "since": table_objects.LONG_AGO}},
    {"spec": {"text": 5, "number": "3", "share": "x", "flag": "true", "since": "yesterday"}},
    {"spec": {"text": True, "number": 2.0, "share": 2, "since": 5}},
    {},
]
GADGET = kinds.Kind("tables.example.com/v1", "gadgets", "Gadget", objects.widget)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[run.Server, run.Server]]:
    """The real one, and ours."""
    with (
        control_plane.running(tmp_path_factory.mktemp("plane")) as plane,
        embedded_client.embedded() as running,
    ):
        client = embedded_client.client(running)
        ours = run.Server(client.port, client.token)
        with contextlib.closing(run.Server(plane.port, "admin-token")) as real, contextlib.closing(ours):
            for each in (real, ours):
                for name in {_space(kind) for kind in [*LISTED.values(), GADGET]}:
                    each.request("POST", "/api/v1/namespaces", text=json.dumps({"metadata": {"name": name}}))
                each.define(kinds.WIDGETS)
                each.define(GADGETS)
            yield real, ours


@pytest.mark.slow
@pytest.mark.reference
@pytest.mark.parametrize("name", LISTED)
def test_a_kind_is_shown_as_the_real_server_shows_it(
    name: str, servers: tuple[run.Server, run.Server]
) -> None:
    made = table_objects.of(LISTED[name])
    wanted, found = (_table(each, LISTED[name], made) for each in servers)
    assert len(wanted["rows"]) == len(made)
    assert not compare.differences(wanted, found)


@pytest.mark.slow
@pytest.mark.reference
@pytest.mark.parametrize("name", ["pods", "limitranges", "widgets.differential.example.com"])
def test_nothing_is_shown_as_the_real_server_shows_it(
    name: str, servers: tuple[run.Server, run.Server]
) -> None:
    wanted, found = (
        _asked(each, LISTED[name].path(_space(LISTED[name])), "labelSelector=no") for each in servers
    )
    assert not compare.differences(wanted, found)


@pytest.mark.slow
@pytest.mark.reference
def test_a_custom_kind_is_shown_in_the_columns_of_its_definition(
    servers: tuple[run.Server, run.Server],
) -> None:
    wanted, found = (_table(each, GADGET, _GADGETS) for each in servers)
    assert not compare.differences(wanted, found)


@pytest.mark.slow
@pytest.mark.reference
def test_a_definition_and_a_scale_are_shown_as_the_real_server_shows_them(
    servers: tuple[run.Server, run.Server],
) -> None:
    scaled = KINDS["deployments.apps"]
    for each in servers:
        _make(each, scaled, "scaled", table_objects.of(scaled)[1])
    for path in (
        f"{kinds.DEFINITIONS}/{GADGETS['metadata']['name']}",
        f"{scaled.path(_space(scaled))}/scaled/scale",
    ):
        wanted, found = (_asked(each, path, "includeObject=None") for each in servers)
        assert not compare.differences(wanted, found)


@pytest.mark.slow
@pytest.mark.reference
@pytest.mark.parametrize("include", ["Metadata", "Object", "None"])
def test_a_watch_heads_its_first_table_only_and_rows_carry_what_is_asked_for(
    include: str, servers: tuple[run.Server, run.Server]
) -> None:
    kind = KINDS["widgets.differential.example.com"]
    for each, name in itertools.product(servers, "ab"):
        _make(each, kind, f"{include.lower()}-{name}", {"spec": {"size": 1}})
    watched = run.Watched(kind, f"shown={_mark(kind)}", True, requests.TABLE, include)
    wanted, found = (compare.plain(each.events(watched, _space(kind), "")) for each in servers)
    assert not compare.differences(wanted, found)


@pytest.mark.slow
@pytest.mark.reference
def test_a_row_cannot_carry_something_else(servers: tuple[run.Server, run.Server]) -> None:
    path = KINDS["widgets.differential.example.com"].path("default")
    told = [each.request("GET", path, "includeObject=Some", accept=requests.TABLE) for each in servers]
    assert [(code, answer["reason"]) for code, answer in told] == [(400, "BadRequest")] * 2


def _table(server: run.Server, kind: kinds.Kind, made: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the objects, made anew."""
    for number, each in enumerate(made):
        _make(server, kind, f"{_mark(kind)}-{number}", copy.deepcopy(each))
    return _asked(server, kind.path(_space(kind)), f"labelSelector=shown={_mark(kind)}")


def _asked(server: run.Server, path: str, query: str) -> dict[str, Any]:
    table = server.request("GET", path, query, accept=requests.TABLE)[1]
    assert table["kind"] == "Table", table
    plain: dict[str, Any] = compare.plain(table)
    return plain


def _mark(kind: kinds.Kind) -> str:
    """Both kinds of Event are kept in one place."""
    return f"{kind.kind}-{re.split('[./]', kind.group_version)[0]}".lower()


def _space(kind: kinds.Kind) -> str:
    """A namespace for each: a quota, or a range of limits, is not to hold for other kinds' objects."""
    return f"tables-{_mark(kind)}"


def _make(server: run.Server, kind: kinds.Kind, name: str, body: dict[str, Any]) -> None:
    body = json.loads(json.dumps(body).replace("$namespace", _space(kind)))
    path, meta, status = kind.path(_space(kind)), body.pop("metadata", {}), body.pop("status", None)
    deleted = meta.pop("deleted", False)
    meta |= {"name": name, "labels": meta.get("labels", {}) | {"shown": _mark(kind)}}
    head = {"apiVersion": kind.group_version, "kind": kind.kind, "metadata": meta}
    told = [server.request("POST", path, text=json.dumps(body | head))]
    path = f"{path}/{name}"
    if status is not None:
        text = json.dumps({"status": status})
        told.append(server.request("PATCH", f"{path}/status", text=text, media=requests.MERGE))
    if deleted:
        told.append(server.request("DELETE", path))
    assert all(code < 300 for code, _ in told), json.dumps(told)
