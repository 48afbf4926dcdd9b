from pathlib import Path
from typing import Any

import pytest

from stowage.embedded.storage import journal, store


def thing(name: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "n"}} | more


def test_each_write_has_a_revision_of_its_own() -> None:
    objects = store.Store()
    first, second = objects.put("pods", thing("a")), objects.put("pods", thing("b"))
    assert second.revision == first.revision + 1 == objects.revision
    assert second.read()["metadata"]["resourceVersion"] == str(second.revision)


def test_entries_come_in_the_order_of_their_keys_and_of_one_namespace() -> None:
    objects = store.Store()
    for name in ("b", "a"):
        objects.put("pods", thing(name))
    objects.put("pods", {"metadata": {"name": "c", "namespace": "m"}})
    assert [each.key for each in objects.entries("pods")] == [("m", "c"), ("n", "a"), ("n", "b")]
    assert [each.key for each in objects.entries("pods", "n")] == [("n", "a"), ("n", "b")]


def test_changes_since_a_revision_are_told_with_what_was_before() -> None:
    objects = store.Store()
    since = objects.put("pods", thing("a")).revision
    objects.put("pods", thing("a", spec={}))
    objects.remove("pods", ("n", "a"))
    changes = objects.changes("pods", since)
    assert [each.kind for each in changes] == ["MODIFIED", "DELETED"]
    assert changes[0].before is not None
    assert changes[0].before.revision == since


def test_a_list_can_be_read_as_it_was() -> None:
    objects = store.Store()
    then = objects.put("pods", thing("a")).revision
    objects.put("pods", thing("b"))
    objects.remove("pods", ("n", "a"))
    assert [each.key[1] for each in objects.entries_at("pods", then)] == ["a"]
    assert [each.key[1] for each in objects.entries("pods")] == ["b"]


def test_what_is_forgotten_cannot_be_watched_or_read() -> None:
    objects = store.Store(history=2)
    since = objects.put("pods", thing("a")).revision
    for name in "bcd":
        objects.put("pods", thing(name))
    with pytest.raises(store.CompactedError):
        objects.changes("pods", since)
    with pytest.raises(store.CompactedError):
        objects.entries_at("pods", since)


def test_a_file_keeps_objects_and_the_revision(tmp_path: Path) -> None:
    file = tmp_path / "data"
    objects = store.Store(journal.Journal(file))
    objects.put("pods", thing("a", metadata={"name": "a", "namespace": "n", "labels": {"x": "y"}}))
    objects.put("pods", thing("b"))
    last = objects.remove("pods", ("n", "b")).revision
    objects.close()
    again = store.Store(journal.Journal(file))
    (entry,) = again.entries("pods")
    assert entry.labels == {"x": "y"}
    assert again.revision == last
    with pytest.raises(store.CompactedError):
        again.changes("pods", last - 1)
    again.close()
