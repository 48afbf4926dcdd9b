"""The volume plugins on random clusters: some rows as among all, states kept as made anew, changes as made.

What the answers must be, the conformance data and the oracle say; here the ways to them must agree.
"""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stowage.api import decode, defaults, objects
from stowage.cluster import pods, table
from stowage.framework import interface, overlay
from stowage.framework.config import args
from stowage.plugins import node_volume_limits, volume_binding, volume_restrictions, volume_zone
from tests.fuzz import families

ROW: list[Any] = [volume_binding.VolumeBinding(args.VolumeBindingArgs()), volume_zone.VolumeZone()]
DOMAIN: list[Any] = [node_volume_limits.NodeVolumeLimits(), volume_restrictions.VolumeRestrictions()]
FAMILIES = ("wild-volumes", "wild-attach", "wild-zones", "wild-disks")

scenarios = st.builds(
    families.scenario, st.sampled_from(FAMILIES), st.integers(0, 1 << 20), st.integers(0, 1 << 10)
)


def decoded(raw: Any) -> Any:
    (document,) = decode.documents_in(raw)
    item = decode.decode(document)
    return defaults.default_pod(item) if isinstance(item, objects.Pod) else item


def cluster_of(scenario: Any) -> tuple[table.Table, list[objects.Pod], list[objects.Pod]]:
    """The table, the bound pods that are not on it yet, and the pending ones."""
    cluster, bound = table.Table(), []
    for raw in scenario["objects"]:
        item = decoded(raw)
        if isinstance(item, objects.Pod):
            bound.append(item)
        else:
            cluster.set(item)
    return cluster, bound, [decoded(raw) for raw in scenario["pending"]]


def answer(plugin: Any, state: Any, cluster: table.Table, rows: Any, change: Any = None) -> list[str]:
    """What each row is told; "" where it is fit or no node."""
    numbers = np.arange(cluster.size)[rows]
    codes = np.broadcast_to(plugin.filter(state, cluster, rows, change), numbers.shape)
    return [
        repr(plugin.explain(state, cluster, code)) if code and cluster.live[row] else ""
        for row, code in zip(numbers.tolist(), codes.tolist(), strict=True)
    ]


def cold(plugin: Any, pod: pods.Incoming, cluster: table.Table) -> list[str]:
    found = plugin.pre_filter(pod, cluster)
    if not isinstance(found, interface.PreFiltered):
        return [""] * cluster.size
    return answer(plugin, found.state, cluster, slice(0, cluster.size))


@settings(max_examples=150, deadline=None)
@given(scenarios, st.data())
def test_some_rows_answer_as_they_do_among_all(scenario: Any, data: st.DataObject) -> None:
    cluster, bound, pending = cluster_of(scenario)
    for item in bound:
        cluster.set(item)
    for plugin in ROW:
        found = plugin.pre_filter(cluster.project(data.draw(st.sampled_from(pending))), cluster)
        if isinstance(found, interface.PreFiltered):
            rows = np.flatnonzero(data.draw(st.lists(st.booleans(), min_size=cluster.size)))
            rows = rows[rows < cluster.size]
            everywhere = answer(plugin, found.state, cluster, slice(0, cluster.size))
            assert answer(plugin, found.state, cluster, rows) == [everywhere[row] for row in rows.tolist()]


@settings(max_examples=200, deadline=None)
@given(scenarios, st.data())
def test_a_state_that_advances_answers_as_one_made_anew(scenario: Any, data: st.DataObject) -> None:
    cluster, bound, pending = cluster_of(scenario)
    pod = cluster.project(data.draw(st.sampled_from(pending)))
    states: dict[str, Any] = {}
    cursor = cluster.log.sequence
    for item in data.draw(st.permutations([*bound, *bound])):  # the second time it leaves
        uid = cluster.project(item).uid
        if uid in cluster.pods.by_uid:
            cluster.remove_pod(uid)
        else:
            cluster.set(item)
        if data.draw(st.booleans()):
            continue  # the next step sees more than one entry
        tail = cluster.log.since(cursor)
        cursor = cluster.log.sequence
        assert tail is not None
        for plugin in DOMAIN:
            state = states.get(plugin.name)
            if state is not None and state.advance(cluster, tail):
                warm = answer(plugin, state, cluster, slice(0, cluster.size))
                assert warm == cold(plugin, pod, cluster), plugin.name
            else:
                found = plugin.pre_filter(pod, cluster)
                states[plugin.name] = found.state if isinstance(found, interface.PreFiltered) else None


@settings(max_examples=200, deadline=None)
@given(scenarios, st.data())
def test_a_change_answers_as_if_it_had_happened_there(scenario: Any, data: st.DataObject) -> None:
    cluster, bound, pending = cluster_of(scenario)
    there = [item for item in bound if data.draw(st.booleans())]
    for item in there:
        cluster.set(item)
    pod = cluster.project(data.draw(st.sampled_from(pending)))
    found = [(plugin, plugin.pre_filter(pod, cluster)) for plugin in DOMAIN]
    moves = [(item, data.draw(st.sampled_from([-1, 0, 1]))) for item in bound if item in there]
    moves += [(item, data.draw(st.sampled_from([0, 1]))) for item in bound if item not in there]
    moves = [(item, sign) for item, sign in moves if sign <= 0 or item not in there]
    if not moves:
        return
    placed = [(cluster.project(item), cluster.row_of.get(item.spec.node_name, -1)) for item, _ in moves]
    known = [i for i, (_, row) in enumerate(placed) if row >= 0]
    if not known:
        return
    known.sort(key=lambda i: placed[i][1])
    change = overlay.of_pods([placed[i] for i in known], 0)
    change.sign[:] = [moves[i][1] for i in known]
    during = [
        answer(plugin, each.state, cluster, change.rows, change)
        for plugin, each in found
        if isinstance(each, interface.PreFiltered) and not getattr(each.state, "used", 0)
    ]
    for i in known:
        item, sign = moves[i]
        if sign:
            (cluster.set if sign > 0 else cluster.remove)(item)
    after = [
        [cold(plugin, pod, cluster)[row] for row in change.rows.tolist()]
        for plugin, each in found
        if isinstance(each, interface.PreFiltered) and not getattr(each.state, "used", 0)
    ]
    assert exclusive_aside(during) == exclusive_aside(after)


def exclusive_aside(answers: list[list[str]]) -> list[list[str]]:
    """Without the reason of ReadWriteOncePod claims, which a change counts by name and a cluster by use."""
    reason = volume_restrictions.REASON_CLAIM
    return [["" if reason in each else each for each in row] for row in answers]
