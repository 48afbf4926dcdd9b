"""Reading files: every form that works, and what is said of every one that does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stowage.simulate import inputs, problems
from tests.unit.simulate import kube

NODE = kube.node("n")
POD = kube.pod("a")


def load(path: Path, text: str | bytes, limit: int = inputs.MAX_INPUT) -> tuple[list[str], problems.Faults]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    faults = problems.Faults()
    found = inputs.load([str(path)], limit, faults)
    return [f"{type(item).__name__} {item.metadata.name}" for _, item in found.items], faults


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(kube.a_list(NODE, POD), id="a list"),
        pytest.param(f"{json.dumps(NODE)}\n{json.dumps(POD)}\n", id="one object after another"),
        pytest.param(f"{json.dumps(NODE)}\n---\n{json.dumps(POD)}\n", id="JSON documents as YAML"),
        pytest.param("\ufeff" + kube.a_list(NODE, POD), id="a byte order mark"),
        pytest.param(kube.a_list(json.loads(kube.a_list(NODE)), POD), id="a list in a list"),
        pytest.param(
            "kind: Node\napiVersion: v1\nmetadata: {name: 'n'}\n---\n---\n"
            "{kind: Pod, apiVersion: v1, metadata: {name: a}, spec: {containers: [{name: c}]}}",
            id="YAML documents",
        ),
        pytest.param(
            "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Node, metadata: {name: 'n'}},"
            " {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c}]}}]}",
            id="YAML in its flow style",
        ),
    ],
)
def test_objects_come_in_every_form_in_which_kubectl_and_people_write_them(tmp_path: Path, text: str) -> None:
    found, faults = load(tmp_path / "f", text)
    assert found == ["Node n", "Pod a"]
    assert not faults.problems


def test_the_items_of_a_typed_list_get_its_kind(tmp_path: Path) -> None:
    item = {key: value for key, value in NODE.items() if key not in ("kind", "apiVersion")}
    found, _ = load(tmp_path / "f", json.dumps({"apiVersion": "v1", "kind": "NodeList", "items": [item]}))
    assert found == ["Node n"]


def test_kinds_that_are_not_read_are_counted_and_passed_over(tmp_path: Path) -> None:
    extra = kube.kube("ConfigMap", "v1", "c")
    found, faults = load(tmp_path / "f", kube.a_list(extra, NODE, extra))
    assert found == ["Node n"]
    assert faults.warnings == ["passed over objects of kinds that are not read here: 2 ConfigMap"]


def test_a_pod_without_a_name_takes_one_from_its_prefix(tmp_path: Path) -> None:
    nameless = {**POD, "metadata": {"generateName": "job-"}}
    found, _ = load(tmp_path / "f", kube.a_list(nameless, nameless))
    first, second = (name.removeprefix("Pod job-") for name in found)
    assert len(first) == len(second) == 5
    assert first != second


def request(cpu: object) -> str:
    return kube.a_list(
        {**POD, "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]}}
    )


CPU = "Pod default/a: spec.containers[0].resources.requests.cpu:"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(['*' + old] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
BAD = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\t\n", "is empty"),
    "only comments": (b"# nothing\n---\n", "is empty: there is no document in it"),
    "JSON cut short": (kube.a_list(NODE, POD)[:-40].encode(), "line 1: the JSON text ends too early"),
    "YAML cut short": (b"apiVersion: v1\nkind: Pod\nmetadata: {name: a", "while parsing a flow mapping"),
    "a plain text": (b"hello\n", "should be a set of fields, is text"),
    "an array": (b"[1, 2]", "should be a set of fields, is a list"),
    "no kind": (b"hello: world\n", "kind: is missing: this is not a Kubernetes object"),
    "no version": (b"kind: Pod\nmetadata: {name: a}\n", "Pod a: apiVersion: is missing"),
    "an unknown kind": (b"kind: Foo\napiVersion: v1\n", "holds nothing that is read here, only 1 Foo"),
    "not UTF-8, JSON": (b'{"kind": "P\xff"}', "is not UTF-8"),
    "not UTF-8, YAML": (b"kind: P\xff", "line 1: not UTF-8 text"),
    "binary": (bytes(range(256)), "not UTF-8"),
    "nested deep, JSON": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "nested deep in an object": (
        b'{"apiVersion": "v1", "kind": "Pod", "metadata": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        "nested too deeply",
    ),
    "nested deep, YAML": (b"kind: " + b"[" * 100_000 + b"]" * 100_000, "nested more than 200 levels deep"),
    "an alias bomb": (BOMB.encode(), "the aliases stand for more than 100000 values"),
    "a Python tag": (
        b"!!python/object/apply:os.system [exit]\n",
        "python/object/apply:os.system' is not supported",
    ),
    "a list with a number": (
        kube.a_list(NODE, 7).encode(),
        "items[1]: should be a set of fields, is a whole number",
    ),
    "a list with null": (kube.a_list(None).encode(), "items[0]: should be a set of fields, is null"),
    "a list with a stranger": (kube.a_list({"a": 1}).encode(), "items[0]: kind: is missing"),
    "a field of the wrong type": (
        kube.a_list({**POD, "spec": {"containers": "x"}}).encode(),
        "Pod a: spec.containers: should be a list, is text",
    ),
    "a wrong quantity": (request("1x").encode(), f"{CPU} '1x' is not a number"),
    "a negative quantity": (request("-1").encode(), f"{CPU} -1 is negative"),
    "an infinite quantity, JSON": (
        request(0).replace('"cpu": 0', '"cpu": 1e999').encode(),
        "number out of range",
    ),
    "an infinite quantity, YAML": (
        b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
        b"spec: {containers: [{name: c, resources: {requests: {cpu: .inf}}}]}\n",
        f"{CPU} inf is not a finite number",
    ),
    "not a number": (request("NaN").encode(), f"{CPU} 'NaN' is not a number"),
    "too much": (request("1e99").encode(), f"{CPU} 1e99 is more than Kubernetes can count"),
    "an unknown effect": (
        kube.a_list(kube.node("n", taints=[{"key": "a", "effect": "No"}])).encode(),
        "Node n: spec.taints[0].effect: 'No' is not one of 'NoSchedule'",
    ),
    "an unknown operator": (
        kube.a_list(kube.pod("a", tolerations=[{"key": "a", "operator": "In"}])).encode(),
        "Pod a: spec.tolerations[0].operator: 'In' is not one of 'Exists'",
    ),
    "an unknown phase": (
        kube.a_list(kube.pod("a", status={"phase": "Done"})).encode(),
        "status.phase: 'Done' is not",
    ),
    "no name": (kube.a_list({**POD, "metadata": {}}).encode(), "Pod items[0]: metadata.name: is missing"),
    "no containers": (
        kube.a_list({**POD, "spec": {}}).encode(),
        "Pod default/a: spec.containers: is missing",
    ),
}


@pytest.mark.parametrize(("text", "told"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_told_with_its_file_object_and_field(tmp_path: Path, text: bytes, told: str) -> None:
    _, faults = load(tmp_path / "f", text)
    (problem,) = faults.problems
    assert problem.startswith(f"{tmp_path / 'f'}: ")
    assert told in problem
    with pytest.raises(problems.BadInput):
        faults.check()


def test_the_good_objects_of_a_list_come_where_one_is_bad(tmp_path: Path) -> None:
    bad = {**kube.pod("b"), "spec": {"containers": 3}}
    found, faults = load(tmp_path / "f", kube.a_list(NODE, bad, 7, POD))
    assert found == ["Node n", "Pod a"]
    assert len(faults.problems) == 2
    faults.keep_going = True
    faults.check()


def test_a_file_that_cannot_be_read_ends_it_even_when_bad_objects_are_skipped(tmp_path: Path) -> None:
    _, faults = load(tmp_path / "f", b"")
    faults.keep_going = True
    with pytest.raises(problems.BadInput):
        faults.check()


@pytest.mark.parametrize(
    ("name", "told"),
    [("missing", "cannot be read: No such file or directory"), ("", "cannot be read: Is a directory")],
    ids=["a missing file", "a directory"],
)
def test_what_is_no_file_is_told(tmp_path: Path, name: str, told: str) -> None:
    faults = problems.Faults()
    inputs.load([str(tmp_path / name)], 100, faults)
    assert faults.problems == [f"{tmp_path / name}: {told}"]


def test_an_input_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    _, faults = load(tmp_path / "f", b"x" * 101, limit=100)
    assert faults.problems == [f"{tmp_path / 'f'}: is larger than --max-input allows (100 bytes)"]


def test_many_problems_are_cut_short_with_their_number(tmp_path: Path) -> None:
    _, faults = load(tmp_path / "f", kube.a_list(*range(60)))
    assert len(faults.told()) == problems.SHOWN + 1
    assert faults.told()[-1] == "and 10 more problems"


@pytest.mark.parametrize(
    ("text", "size"),
    [("1048576", 1 << 20), ("1k", 1024), ("2GiB", 2 << 30), ("1.5 MB", 3 << 19), ("7b", 7)],
    ids=["bytes", "k", "GiB", "a fraction", "b"],
)
def test_sizes_are_read_with_their_units(text: str, size: int) -> None:
    assert inputs.size(text) == size


@pytest.mark.parametrize(
    "text", ["", "-1", "GiB", "1x", "inf"], ids=["empty", "negative", "unit", "other", "inf"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        inputs.size(text)


def test_an_object_with_several_problems_counts_once(tmp_path: Path) -> None:
    twice = kube.pod("a", "-1", overhead={"cpu": "x"})
    _, faults = load(tmp_path / "f", kube.a_list(NODE, twice, 7))
    assert (len(faults.problems), faults.bad_objects) == (3, 2)
