"""What the shadow says of decisions: equal where the state just before gives the same answer."""

from typing import Any

from stowage.framework import config
from stowage.kube import informer, resources, watch
from stowage.scheduler import cache
from stowage.tools.overview import shadow
from tests import builders


def news(what: informer.What, item: Any, version: str = "1") -> informer.News:
    meta = item.metadata
    return informer.News(
        what, resources.of(type(item)), watch.Head(meta.namespace, meta.name, meta.uid, version), item
    )


def following(*items: Any) -> shadow.Shadow:
    """A shadow that knows a cluster: the small node n1, the large n2, and these."""
    made = shadow.Shadow(config.default())
    nodes = [
        builders.make_node("n1").allocatable(cpu="2").done(),
        builders.make_node("n2").allocatable(cpu="8").done(),
    ]
    for item in (*nodes, *items):
        assert made.apply(news(informer.What.ADDED, item)) is None
    for source in cache.sources():
        made.apply(informer.News(informer.What.LISTED, source.kind))
    return made


def pod(name: str = "a", cpu: str = "1") -> builders.PodBuilder:
    return builders.make_pod(name).spec(schedulerName="default-scheduler").cpu(cpu)


def bound(made: shadow.Shadow, asked: builders.PodBuilder, node: str) -> shadow.Told:
    """What is said when a pending pod turns out to be bound."""
    assert made.apply(news(informer.What.ADDED, asked.done())) is None
    told = made.apply(news(informer.What.CHANGED, asked.on(node).done(), "2"))
    assert told is not None
    return told


def test_the_better_node_agrees() -> None:
    made = following()
    told = bound(made, pod(), "n2")
    assert (told["agrees"], told["node"], told["ours"]["node"]) == (True, "n2", "n2")
    assert told["score"] == told["ours"]["score"] == sum(told["why"].values())
    assert (made.judged, made.agreed) == (1, 1)


def test_a_worse_node_differs_and_is_so_much_behind() -> None:
    made = following()
    told = bound(made, pod(), "n1")
    assert (told["agrees"], told["ours"]["node"]) == (False, "n2")
    assert told["ours"]["behind"] == told["ours"]["score"] - told["score"] > 0
    assert (made.judged, made.agreed) == (1, 0)


def test_a_node_on_which_it_does_not_fit_differs_with_the_reason() -> None:
    told = bound(following(), pod(cpu="4"), "n1")
    assert (told["agrees"], told["ours"]["refused"]) == (False, "Insufficient cpu")
    assert "score" not in told


def test_a_node_that_nobody_knows_differs() -> None:
    assert bound(following(), pod(), "n9")["ours"]["refused"] == "the node is not known"


def test_what_is_bound_counts_for_the_next() -> None:
    made = following()
    bound(made, pod("a", "7"), "n2")
    # 1 core is left on n2, 2 are on n1: there it fits.
    assert bound(made, pod("b", "2"), "n1")["agrees"]


def test_room_that_was_made_for_a_pod_is_its_place() -> None:
    told = bound(following(), pod().nominated("n1"), "n1")
    assert told["agrees"]
    assert told["ours"]["node"] == "n2"


def test_a_pod_that_fits_nowhere_agrees_with_the_sentence() -> None:
    made = following()
    huge = pod(cpu="64")
    made.apply(news(informer.What.ADDED, huge.done()))
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    told = made.apply(news(informer.What.CHANGED, huge.status(conditions=[condition]).done(), "2"))
    assert told is not None
    assert (told["result"], told["agrees"], told["ours"]["node"]) == ("unschedulable", True, "")
    assert told["message"].startswith("0/2 nodes are available: 2 Insufficient cpu.")
    # Said once, not at each change of the pod.
    again = huge.label(x="y").done()
    assert made.apply(news(informer.What.CHANGED, again, "3")) is None


def test_what_was_there_before_or_belongs_to_others_is_not_judged() -> None:
    made = following(pod("old").on("n1").done())
    other = builders.make_pod("other").spec(schedulerName="theirs")
    assert made.apply(news(informer.What.ADDED, other.done())) is None
    assert made.apply(news(informer.What.CHANGED, other.on("n1").done(), "2")) is None
    assert made.apply(news(informer.What.CHANGED, pod("old").on("n1").done(), "3")) is None
    assert made.judged == 0


def test_a_pod_that_no_node_takes_differs_with_the_sentence() -> None:
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": "missing"}}
    told = bound(following(), pod().spec(volumes=[volume]), "n2")
    assert (told["agrees"], told["ours"]["node"]) == (False, "")
    assert 'persistentvolumeclaim "missing" not found' in told["ours"]["message"]
