"""What the page is told: all of it first, then what changed."""

from typing import Any

import msgspec

from stowage.api import objects
from stowage.kube import informer, resources, watch
from stowage.tools.overview import picture as pictures
from stowage.tools.overview import views
from tests import builders

GIB = 1 << 30


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def news(what: informer.What, item: Any) -> informer.News:
    meta = item.metadata
    kind: Any = resources.PODS if isinstance(item, objects.Pod) else resources.NODES
    return informer.News(what, kind, watch.Head(meta.namespace, meta.name, meta.uid), item)


def node(name: str, zone: str = "a", **spec: Any) -> objects.Node:
    raw = {
        "metadata": {"name": name, "labels": {views.ZONE: zone}},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": "8", "memory": "16Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    return msgspec.convert(raw, objects.Node)


def pod(name: str, where: str = "", message: str = "", **status: Any) -> objects.Pod:
    made = builders.make_pod(name).cpu("500m").memory("1Gi").on(where)
    if message:
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        made.status(conditions=[condition])
    return msgspec.convert(made.status(**status).raw, objects.Pod)


def picture(clock: Clock | None = None) -> pictures.Picture:
    made = pictures.Picture("here", "schedule", clock or Clock())
    for name in ("n1", "n2"):
        made.apply(news(informer.What.ADDED, node(name)))
    return made


def told(made: pictures.Picture, since: int = 0) -> dict[str, Any]:
    """The events since a version, as JSON."""
    step = made.changes(since)
    assert step.version == made.version
    return {name: msgspec.json.decode(msgspec.json.encode(value)) for name, value in step.events}


def test_a_node_shows_the_sums_of_its_pods() -> None:
    made = picture()
    made.apply(news(informer.What.ADDED, pod("a", "n1")))
    made.apply(news(informer.What.ADDED, pod("b", "n1")))
    first, second = told(made)["nodes"]["changed"]
    # 2 × 500m and 2 × 1Gi
    assert (first["cpu"], first["memory"], first["pods"]) == ([1000, 8000], [2 * GIB, 16 * GIB], [2, 110])
    assert second["cpu"] == [0, 8000]


def test_only_what_changed_is_told_later() -> None:
    made = picture()
    before = made.version
    assert told(made, before) == {}
    made.apply(news(informer.What.ADDED, pod("a", "n2")))
    later = told(made, before)
    assert set(later) == {"nodes"}
    assert later["nodes"]["whole"] is False
    assert [each["name"] for each in later["nodes"]["changed"]] == ["n2"]


def test_a_heartbeat_is_no_news() -> None:
    made = picture()
    before = made.version
    made.apply(news(informer.What.CHANGED, node("n1")))
    assert told(made, before) == {}


def test_a_node_that_went_is_told_and_its_pods_stay_until_they_go() -> None:
    made = picture()
    made.apply(news(informer.What.ADDED, pod("a", "n1")))
    before = made.version
    made.apply(news(informer.What.REMOVED, node("n1")))
    assert told(made, before)["nodes"]["gone"] == ["n1"]
    made.apply(news(informer.What.REMOVED, pod("a", "n1")))
    made.apply(news(informer.What.ADDED, node("n1")))
    assert made.node("n1")["pods"] == []


def test_a_reader_that_missed_too_many_ends_gets_the_nodes_whole() -> None:
    made = picture()
    before = made.version
    for _ in range(pictures.GONE + 1):
        made.apply(news(informer.What.ADDED, node("passing")))
        made.apply(news(informer.What.REMOVED, node("passing")))
    later = told(made, before)["nodes"]
    assert later["whole"]
    assert len(later["changed"]) == 2


def test_pending_pods_come_with_their_sentence_the_hindered_first() -> None:
    made = picture()
    made.apply(news(informer.What.ADDED, pod("a")))
    made.apply(news(informer.What.ADDED, pod("b", message="0/2 nodes are available")))
    pending = told(made)["pending"]
    assert pending["count"] == 2
    assert [(each["name"], each["state"], each["message"]) for each in pending["pods"]] == [
        ("b", "unschedulable", "0/2 nodes are available"),
        ("a", "waiting", ""),
    ]
    made.apply(news(informer.What.CHANGED, pod("b", "n1")))
    assert told(made)["pending"]["count"] == 1


def test_the_pace_counts_bindings_by_the_second() -> None:
    clock = Clock()
    made = picture(clock)
    for name in "abc":
        made.apply(news(informer.What.ADDED, pod(name)))
        made.apply(news(informer.What.CHANGED, pod(name, "n1")))
    made.apply(news(informer.What.ADDED, pod("was there", "n1")))
    clock.now += 1
    made.tick()
    clock.now += 2
    made.tick()
    assert told(made)["figures"]["pace"] == [3, 0, 0]


def test_many_pods_are_counted_and_some_shown() -> None:
    made = picture()
    for number in range(pictures.SHOWN + 5):
        made.apply(news(informer.What.ADDED, pod(f"p{number}")))
    pending = told(made)["pending"]
    assert (pending["count"], len(pending["pods"])) == (pictures.SHOWN + 5, pictures.SHOWN)


def test_the_last_decision_about_a_pod_is_at_hand_while_it_lives() -> None:
    made = picture()
    made.apply(news(informer.What.ADDED, pod("a")))
    decision = {"pod": {"namespace": "default", "name": "a", "uid": "uid-default-a"}, "result": "scheduled"}
    made.decided(decision)
    assert made.pod("default", "a")["decision"] == decision
    assert [each["result"] for each in told(made)["decisions"]] == ["scheduled"]
    made.apply(news(informer.What.REMOVED, pod("a")))
    made.apply(news(informer.What.ADDED, pod("a")))
    assert made.pod("default", "a")["decision"] is None
