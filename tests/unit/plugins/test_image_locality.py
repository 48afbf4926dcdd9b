"""ImageLocality: images that are there already, by size and by how many nodes have them."""

from typing import Any

import pytest

from stowage.plugins import image_locality
from tests.builders import NodeBuilder, PodBuilder, make_node, make_pod, make_table
from tests.unit.plugins import asking

PLUGIN = image_locality.ImageLocality()
MI = 1 << 20


def having(name: str, *images: tuple[str, int]) -> NodeBuilder:
    node = make_node(name)
    node.raw["status"]["images"] = [{"names": [image], "sizeBytes": size * MI} for image, size in images]
    return node


def running(*images: str, **more: Any) -> PodBuilder:
    containers = [{"name": f"c{i}", "image": image} for i, image in enumerate(images)]
    return make_pod("p").spec(containers=containers, **more)


def scores(pod: PodBuilder, *nodes: NodeBuilder) -> dict[str, int] | None:
    return asking.raw_scores(PLUGIN, make_table(*nodes), pod)


def test_the_size_counts_by_the_share_of_nodes_that_have_the_image() -> None:
    # 500 Mi on one of two nodes: 250 Mi; (250 - 23) / (1000 - 23) = 23.2 %
    assert scores(running("x:1"), having("a", ("x:1", 500)), having("b")) == {"a": 23, "b": 0}


def test_another_node_changes_the_scores_of_all() -> None:
    # A third: 166.67 Mi; 143.67 / 977 = 14.7 %
    found = scores(running("x:1"), having("a", ("x:1", 500)), having("b"), having("c"))
    assert found == {"a": 14, "b": 0, "c": 0}


def test_a_node_that_is_gone_counts_no_more() -> None:
    cluster = make_table(having("a", ("x:1", 500)), having("b"), having("c", ("x:1", 500)))
    cluster.remove_node("c")
    found = asking.raw_scores(PLUGIN, cluster, running("x:1"), "a", "b")
    assert found == {"a": 23, "b": 0}


def test_every_container_raises_the_most_there_is_to_score() -> None:
    init = {"initContainers": [{"name": "i", "image": "absent:1"}]}
    # (250 - 23) / (2000 - 23) = 11.5 %
    assert scores(running("x:1", **init), having("a", ("x:1", 500)), having("b")) == {"a": 11, "b": 0}
    assert scores(running("x:1", "absent:1"), having("a", ("x:1", 500)), having("b")) == {"a": 11, "b": 0}


def test_an_image_volume_adds_its_size_but_is_no_container() -> None:
    volumes = {"volumes": [{"name": "v", "image": {"reference": "x:1"}}]}
    # 250 Mi twice over one container: 477 / 977 = 48.8 %
    assert scores(running("x:1", **volumes), having("a", ("x:1", 500)), having("b")) == {"a": 48, "b": 0}


@pytest.mark.parametrize(
    ("size", "score"),
    [
        pytest.param(22, 0, id="below-the-least"),
        pytest.param(23, 0, id="the-least"),
        pytest.param(1000, 100, id="the-most"),
        pytest.param(5000, 100, id="beyond-the-most"),
    ],
)
def test_sizes_count_between_bounds(size: int, score: int) -> None:
    assert scores(running("x:1"), having("a", ("x:1", size))) == {"a": score}


@pytest.mark.parametrize(
    ("written", "reported", "found"),
    [
        pytest.param("x", "x:latest", True, id="no-tag-is-latest"),
        pytest.param("host:5000/x", "host:5000/x:latest", True, id="a-port-is-no-tag"),
        pytest.param("host:5000/x:2", "host:5000/x:2", True, id="a-tag-behind-a-port"),
        pytest.param("x@sha256:ab", "x@sha256:ab", True, id="a-digest-stays"),
        pytest.param("x", "x:1", False, id="another-tag"),
    ],
)
def test_images_go_by_the_names_that_nodes_report(written: str, reported: str, found: bool) -> None:
    assert scores(running(written), having("a", (reported, 1000))) == {"a": 100 if found else 0}


def test_where_nodes_report_two_sizes_the_first_by_name_counts() -> None:
    # Both have it: 511.5 Mi would be half way; 500 Mi is 48.8 %, 100 Mi 7.9 %.
    nodes = having("b", ("x:1", 100)), having("a", ("x:1", 500))
    assert scores(running("x:1"), *nodes) == {"b": 48, "a": 48}


def test_an_image_used_twice_counts_twice() -> None:
    # 500 Mi twice over two containers: 977 / 1977 = 49.4 %
    assert scores(running("x:1", "x:1"), having("a", ("x:1", 500))) == {"a": 49}
