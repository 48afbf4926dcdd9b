"""Answers to a scenario of the conformance format: what the program `answer` does, step by step."""

from collections.abc import Mapping
from typing import Any

from tests.oracle import config, failure, preemption
from tests.oracle.cluster import Cluster
from tests.oracle.framework import UNSCHEDULABLE, CycleState, PluginError, Profile, Status, unresolvable
from tests.oracle.objects import Object, Pod
from tests.oracle.preemption import DryRunError

Step = dict[str, Any]


class Scheduler:
    """A cluster and the profiles that place pods in it."""

    def __init__(self, cluster: Cluster, configuration: str | None = None) -> None:
        self.cluster = cluster
        self.profiles = config.profiles(configuration, cluster)

    def place(self, pod: Pod, *, assume: bool = False, extended: bool = False) -> Step:
        """One pod's step; `assume` puts it on the chosen node for those after it.

        `extended` tells a failure as the scheduler itself would: PostFilter only where the profile has it,
        and the sentence of the pod's condition.
        """
        step: Step = {"pod": pod.key}
        name = pod.spec["schedulerName"]
        profile = self.profiles.get(name)
        if profile is None:
            return step | {"error": f"no profile {name}"}
        status = profile.run_pre_enqueue(pod)
        if status is not None:
            return step | {"preEnqueue": _verdict(status)}
        profile.nominated = self._nominated()
        self._place(profile, pod, step, extended=extended)
        if assume and "chosen" in step:
            self._assume(pod, step)
        return {key: value for key, value in step.items() if value != {} and value != []}

    def _nominated(self) -> dict[str, list[Pod]]:
        """Pods in the queue by the node they are nominated to; gated ones and others' pods are not in it."""
        found: dict[str, list[Pod]] = {}
        for pod in self.cluster.waiting:
            profile = self.profiles.get(pod.spec["schedulerName"])
            if pod.nominated_node and profile is not None and profile.run_pre_enqueue(pod) is None:
                found.setdefault(pod.nominated_node, []).append(pod)
        return found

    def _place(self, profile: Profile, pod: Pod, step: Step, *, extended: bool) -> None:
        state = CycleState()
        failed = failure.Failure(profile, state, pod)
        only, status = profile.run_pre_filter(state, pod)
        if status is not None:
            step["preFilter"] = _verdict(status)
            failed.refused = failed.others = status
            helped = self.cluster.nodes if status.code == UNSCHEDULABLE else []
        else:
            nodes = [info for info in self.cluster.nodes if only is None or info.name in only]
            wanted = [info for info in nodes if info.name == pod.nominated_node]
            if wanted and profile.run_filters_with_nominated(state, pod, wanted[0]) is None:
                nodes = wanted
            found = {info.name: profile.run_filters_with_nominated(state, pod, info) for info in nodes}
            rejected = {name: status for name, status in found.items() if status is not None}
            step["rejected"] = {name: _verdict(status) for name, status in rejected.items()}
            step["preFilterNodes"] = sorted(only or ())
            feasible = [info for info in nodes if info.name not in rejected]
            if feasible:
                try:
                    _choose(step, profile.run_scores(state, pod, feasible))
                except PluginError as error:
                    step["error"] = str(error)
                return
            helped = [info for info in nodes if rejected[info.name].code == UNSCHEDULABLE]
            failed.nodes = rejected
            if only is not None:
                failed.others = unresolvable(f"node(s) didn't satisfy plugin(s) [{' '.join(state.narrowed)}]")
        if extended:
            failed.tell(step)
        elif helped and not preemption.ineligible(profile, pod):
            try:
                candidates = preemption.dry_run(profile, state, pod, helped)
            except DryRunError as error:
                step["error"] = f"dry run: {error}"
                return
            preemption.tell(step, candidates)

    def _assume(self, pod: Pod, step: Step) -> None:
        if not pod.uid:
            step["error"] = "assume: cannot get cache key for pod with empty UID"
        elif self.cluster.has_uid(pod.uid):
            step["error"] = f"assume: pod {pod.uid}({pod.key}) is in the cache, so can't be assumed"
        else:
            pod.node_name = step["chosen"]
            self.cluster.assume(pod)


def _verdict(status: Status) -> dict[str, Any]:
    verdict: dict[str, Any] = {"code": status.code, "reasons": status.reasons}
    return verdict | ({"plugin": status.plugin} if status.plugin else {})


def _choose(step: Step, scores: Mapping[str, dict[str, int]]) -> None:
    totals = {name: sum(row.values()) for name, row in scores.items()}
    most = max(totals.values())
    best = sorted(name for name, total in totals.items() if total == most)
    step.update(scores=dict(scores), totals=totals, best=best, chosen=best[0])


def answer(scenario: Mapping[str, Any]) -> list[Step]:
    """The steps of a scenario, one a pending pod, in order."""
    scheduler = Scheduler(Cluster(scenario["objects"]), scenario.get("config"))
    pending: list[Object] = scenario["pending"]
    assume, extended = bool(scenario.get("assume")), bool(scenario.get("extended"))
    return [scheduler.place(Pod(raw), assume=assume, extended=extended) for raw in pending]
