"""The structs: which fields they name, and what that makes of a pod's spec as a key."""

import gc
import json
import pathlib
import typing
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from stowage.api import objects

FIELDS = pathlib.Path(__file__).parents[2] / "data" / "fields.txt"


def structs_in(field: Any) -> Iterator[type[msgspec.Struct]]:
    """The structs a field's type mentions."""
    if isinstance(field, type) and issubclass(field, msgspec.Struct):
        yield field
    for part in typing.get_args(field):
        yield from structs_in(part)


def fields_of(kind: type[msgspec.Struct], seen: set[type[msgspec.Struct]]) -> Iterator[str]:
    """`Struct.field` for a struct and those below it, each struct once."""
    if kind in seen:
        return
    seen.add(kind)
    for field in msgspec.structs.fields(kind):
        yield f"{kind.__name__}.{field.encode_name}"
        for part in structs_in(field.type):
            yield from fields_of(part, seen)


def test_the_fields_read_from_the_wire_are_these() -> None:
    seen: set[type[msgspec.Struct]] = set()
    found = sorted(line for kind in objects.KINDS.values() for line in fields_of(kind, seen))
    assert found == FIELDS.read_text(encoding="utf-8").split()


def live_pod(suffix: str) -> bytes:
    """A pod as an API server returns it, with what is unique to each."""
    return json.dumps(
        {
            "metadata": {"name": f"web-{suffix}", "uid": suffix, "labels": {"pod-index": suffix}},
            "spec": {
                "hostname": f"web-{suffix}",
                "containers": [
                    {
                        "name": "main",
                        "image": "web:1",
                        "env": [{"name": "ME", "value": suffix}],
                        "volumeMounts": [{"name": f"kube-api-access-{suffix}", "mountPath": "/x"}],
                    }
                ],
                "volumes": [{"name": f"kube-api-access-{suffix}", "projected": {"sources": []}}],
            },
        }
    ).encode()


def spec_key(data: bytes) -> bytes:
    """The key the engine makes of a pod."""
    return msgspec.msgpack.encode(msgspec.json.decode(data, type=objects.Pod).spec)


def test_pods_of_one_template_have_one_key() -> None:
    assert spec_key(live_pod("one")) == spec_key(live_pod("two"))
    assert spec_key(live_pod("one")) != spec_key(live_pod("one").replace(b"web:1", b"web:2"))


def test_a_volumes_name_stays_where_a_claim_is_called_after_it() -> None:
    volumes = msgspec.convert(
        [{"name": "a", "emptyDir": {}}, {"name": "b", "ephemeral": {}}, {"name": "c", "azureDisk": {}}],
        tuple[objects.Volume, ...],
    )
    assert [volume.name for volume in volumes] == ["", "b", "c"]


def test_an_absent_selector_differs_from_an_empty_one() -> None:
    absent, empty = msgspec.json.decode(
        b'[{"topologyKey": "z"}, {"topologyKey": "z", "labelSelector": {}}]',
        type=tuple[objects.PodAffinityTerm, ...],
    )
    assert absent.label_selector is None
    assert empty.label_selector == objects.LabelSelector()
    assert msgspec.msgpack.encode(absent) != msgspec.msgpack.encode(empty)


@pytest.mark.parametrize("kind", sorted(objects.KINDS), ids="/".join)
def test_objects_cannot_be_changed_and_do_not_burden_the_collector(kind: tuple[str, str]) -> None:
    item = objects.KINDS[kind]()
    with pytest.raises(AttributeError):
        item.metadata = objects.ObjectMeta()  # type: ignore[misc]
    assert not gc.is_tracked(item)
