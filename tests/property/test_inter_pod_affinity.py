"""InterPodAffinity for all nodes at once against the oracle's node after node."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stowage.framework import interface
from stowage.framework.config import args as config
from stowage.plugins import inter_pod_affinity
from tests.oracle.plugins import inter_pod_affinity as oracle
from tests.property.beside_oracle import Beside, Pair
from tests.property.worlds import World, worlds


def pair(beside: Beside, world: World, hard: int = 1, ignores: bool = False) -> Pair:
    plugin = inter_pod_affinity.InterPodAffinity(config.InterPodAffinityArgs(hard, ignores))
    args = {"hardPodAffinityWeight": hard, "ignorePreferredTermsOfExistingPods": ignores}
    return Pair(beside, plugin, oracle.InterPodAffinity(beside.oracle, args), world.incoming)


@given(worlds(spreads=False), st.integers(0, 3), st.booleans(), st.data())
def test_answers_equal_the_oracles(world: World, hard: int, ignores: bool, data: st.DataObject) -> None:
    asked = pair(Beside([*world.parts, *world.bound]), world, hard, ignores)
    assert asked.verdicts() == asked.expected()
    feasible = data.draw(st.lists(st.sampled_from(world.nodes), min_size=1, unique=True))
    assert asked.scores(feasible) == asked.expected_scores(feasible)


@given(worlds(spreads=False), st.booleans())
def test_states_that_advanced_equal_the_oracles_fresh_ones(world: World, at_once: bool) -> None:
    beside = Beside([*world.parts, *world.bound])
    asked = pair(beside, world)
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


@given(worlds(spreads=False), st.data())
def test_rows_whose_verdicts_change_are_among_those_that_turned(world: World, data: st.DataObject) -> None:
    beside = Beside([*world.parts, *world.bound])
    asked = pair(beside, world)
    if not isinstance(asked.before_filter, interface.PreFiltered):
        return
    cluster, state = beside.cluster, asked.before_filter.state
    every = slice(0, cluster.size)
    state.turned(cluster)
    before = state.verdicts(cluster, every).copy()
    for raw, comes in [*((raw, True) for raw in world.later), *((raw, False) for raw in world.bound)]:
        cursor = cluster.log.sequence
        (beside.put if comes else beside.drop)(raw)
        asked.advance(cursor)
        if data.draw(st.booleans()):
            state.verdicts(cluster, every)  # as an explanation does in between: nothing is lost by it
        if data.draw(st.booleans()):
            turned = state.turned(cluster)
            after = state.verdicts(cluster, every).copy()
            changed = np.flatnonzero(before != after)
            assert turned is None or set(changed.tolist()) <= set(turned.tolist())
            before = after


@given(worlds(spreads=False), st.data())
def test_imagined_pods_count_as_the_oracle_counts_them(world: World, data: st.DataObject) -> None:
    beside = Beside([*world.parts, *world.bound])
    asked = pair(beside, world)
    here = [(raw, raw["spec"]["nodeName"], -1) for raw in world.bound]
    new = [(raw, data.draw(st.sampled_from(world.nodes)), 1) for raw in world.later]
    moves = [each for each in [*here, *new] if each[1] in world.nodes and data.draw(st.booleans())]
    if moves:
        assert asked.imagined(moves) == asked.expected_imagined(moves)
