"""PodTopologySpread for all nodes at once against the oracle's node after node."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stowage.api import objects
from stowage.framework.config import args as config
from stowage.plugins import pod_topology_spread
from tests.oracle.plugins import pod_topology_spread as oracle
from tests.property.beside_oracle import Beside, Pair
from tests.property.worlds import World, worlds

DEFAULTS: list[dict[str, Any]] = [
    {"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1},
    {"topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 2},
    {"topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 1},
]


def pair(beside: Beside, world: World, listed: bool = False) -> Pair:
    args: dict[str, Any] = {"defaultingType": "System"}
    typed = config.PodTopologySpreadArgs()
    if listed:
        args = {"defaultingType": "List", "defaultConstraints": DEFAULTS}
        constraints = msgspec.convert(DEFAULTS, tuple[objects.TopologySpreadConstraint, ...])
        typed = config.PodTopologySpreadArgs(constraints, "List")
    plugin = pod_topology_spread.PodTopologySpread(typed)
    return Pair(beside, plugin, oracle.PodTopologySpread(beside.oracle, args), world.incoming)


@given(worlds(spreads=True), st.booleans(), st.data())
def test_answers_equal_the_oracles(world: World, listed: bool, data: st.DataObject) -> None:
    asked = pair(Beside([*world.parts, *world.bound]), world, listed)
    assert asked.verdicts() == asked.expected()
    feasible = data.draw(st.lists(st.sampled_from(world.nodes), min_size=1, unique=True))
    assert asked.scores(feasible) == asked.expected_scores(feasible)


@given(worlds(spreads=True), st.booleans(), st.booleans())
def test_states_that_advanced_equal_the_oracles_fresh_ones(world: World, listed: bool, at_once: bool) -> None:
    beside = Beside([*world.parts, *world.bound])
    asked = pair(beside, world, listed)
    start = cursor = beside.cluster.log.sequence
    for raw in world.later:
        beside.put(raw)
        if not at_once:
            asked.advance(cursor)
            cursor = beside.cluster.log.sequence
            assert asked.verdicts() == asked.expected()
    for raw in world.bound[::2]:
        beside.drop(raw)
    asked.advance(start if at_once else cursor)
    assert asked.verdicts() == asked.expected()
    assert asked.scores(world.nodes) == asked.expected_scores(world.nodes)


@given(worlds(spreads=True), st.booleans(), st.data())
def test_imagined_pods_count_as_the_oracle_counts_them(
    world: World, listed: bool, data: st.DataObject
) -> None:
    beside = Beside([*world.parts, *world.bound])
    asked = pair(beside, world, listed)
    here = [(raw, raw["spec"]["nodeName"], -1) for raw in world.bound]
    new = [(raw, data.draw(st.sampled_from(world.nodes)), 1) for raw in world.later]
    moves = [each for each in [*here, *new] if each[1] in world.nodes and data.draw(st.booleans())]
    if moves:
        assert asked.imagined(moves) == asked.expected_imagined(moves)
