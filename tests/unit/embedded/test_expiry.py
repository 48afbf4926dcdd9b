from stowage.embedded.storage import expiry
from tests.unit.embedded.simulated import Cluster


def note(cluster: Cluster, name: str) -> None:
    cluster.create("", "Event", name, involvedObject={"kind": "Pod", "name": "p"}, reason="Seen")


def names(cluster: Cluster) -> list[str]:
    return [entry.key[1] for entry in cluster.reg.objects.entries("events")]


def later(cluster: Cluster, seconds: float) -> None:
    cluster.passed += seconds
    cluster.after(1)


def test_an_event_goes_an_hour_after_it_was_last_written() -> None:
    cluster = Cluster(nodes=0)
    note(cluster, "before")
    expiry.Expiry(cluster.reg, cluster.due).start()
    later(cluster, 1800)
    note(cluster, "a")
    note(cluster, "b")
    later(cluster, 1700)
    assert names(cluster) == ["a", "b", "before"]
    cluster.reg.objects.put("events", cluster.get("", "Event", "b") | {"count": 2})
    later(cluster, 200)
    assert names(cluster) == ["a", "b"]
    later(cluster, 1800)
    assert names(cluster) == ["b"]
    later(cluster, 1700)
    assert names(cluster) == []


def test_many_events_go_in_several_steps() -> None:
    cluster = Cluster(nodes=0)
    expiry.Expiry(cluster.reg, cluster.due).start()
    for number in range(1200):
        note(cluster, f"e-{number}")
    later(cluster, 3700)
    assert names(cluster) == []
