"""DefaultPreemption: the dry run on each node, and the choice among the candidates."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.oracle import go_sort, selectors
from tests.oracle.cluster import NodeInfo
from tests.oracle.framework import UNRESOLVABLE, CycleState, Profile, Status, unresolvable
from tests.oracle.objects import Object, Pod, namespace_of
from tests.oracle.selectors import SelectorError

NOW = datetime.max.replace(tzinfo=UTC)  # what a pod without a start time counts as


class DryRunError(Exception):
    """The dry run ended in what kube-scheduler reports as an error."""


@dataclass
class Victims:
    pods: list[Pod]
    violations: int


def ineligible(profile: Profile, pod: Pod, nominated: Status | None = None) -> str:
    """Why the pod may not preempt: its policy, or pods that still leave the node it is nominated to.

    `nominated` is that node's status in this cycle: one that no removal can help sets the pod free again.
    """
    if pod.spec.get("preemptionPolicy") == "Never":
        return "not eligible due to preemptionPolicy=Never."
    info = profile.cluster.node(pod.nominated_node)
    if info is None or (nominated is not None and nominated.code == UNRESOLVABLE):
        return ""
    if any(other.priority < pod.priority and _leaves_by_preemption(other) for other in info.pods):
        return "not eligible due to a terminating pod on the nominated node."
    return ""


def tell(step: dict[str, Any], candidates: "Mapping[str, Victims]") -> None:
    """Writes the candidates and the choice into a step."""
    step["preemption"] = {
        name: {"pods": [each.key for each in victims.pods], "pdbViolations": victims.violations}
        for name, victims in candidates.items()
    }
    if candidates:
        step["nominated"] = best(candidates)[0]


def _leaves_by_preemption(pod: Pod) -> bool:
    if not pod.deleting:
        return False
    for condition in pod.status.get("conditions") or []:
        if condition.get("type") == "DisruptionTarget":
            preempted = condition.get("reason") == "PreemptionByScheduler"
            return bool(condition.get("status") == "True" and preempted)
    return False


def dry_run(
    profile: Profile,
    state: CycleState,
    pod: Pod,
    nodes: Iterable[NodeInfo],
    refusals: dict[str, Status] | None = None,
) -> dict[str, Victims]:
    """The victims on every node where evicting helps; `refusals` gets why it does not. Raises DryRunError."""
    candidates: dict[str, Victims] = {}
    errors: list[str] = []
    for info in nodes:
        try:
            victims = _victims(profile, state.clone(), pod, info.copy())
        except DryRunError as error:
            errors.append(str(error))
            continue
        if isinstance(victims, Victims):
            candidates[info.name] = victims
        elif refusals is not None:
            refusals[info.name] = victims
    if errors:
        unique = list(dict.fromkeys(errors))
        raise DryRunError(unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]")
    return candidates


def _victims(profile: Profile, state: CycleState, pod: Pod, info: NodeInfo) -> Victims | Status:
    """All that are less important leave; then, the most important first, whoever can comes back."""

    def leave(other: Pod) -> None:
        info.remove(other)
        profile.count_pod(state, pod, other, info, -1)

    potential = [other for other in info.pods if other.priority < pod.priority]
    for other in potential:
        leave(other)
    if not potential:
        return unresolvable("No preemption victims found for incoming pod")
    status = profile.run_filters_with_nominated(state, pod, info)
    if status is not None:
        if not status.rejected:
            raise DryRunError(status.reasons[0])
        return status
    violating, harmless = _by_budget(by_importance(potential), profile.cluster.all("PodDisruptionBudget"))
    victims: list[Pod] = []
    violations = 0
    for group in (violating, harmless):
        for other in group:
            info.add(other)
            profile.count_pod(state, pod, other, info, 1)
            if profile.run_filters_with_nominated(state, pod, info) is not None:
                leave(other)
                victims.append(other)
                violations += 1 if group is violating else 0
    if not victims:
        raise DryRunError(f'expected at least one victim pod on node "{info.name}"')
    return Victims(by_importance(victims), violations)


def by_importance(pods: Sequence[Pod]) -> list[Pod]:
    """By priority, then the longest running first; equal ones as Go's sort leaves them."""
    return go_sort.sort_slice(pods, _more_important)


def _more_important(pod: Pod, other: Pod) -> bool:
    """A pod without a start time starts now; of two such the one asked about first is the older."""
    if pod.priority != other.priority:
        return pod.priority > other.priority
    if other.start_time is None:
        return True
    return pod.start_time is not None and pod.start_time < other.start_time


def _by_budget(pods: Iterable[Pod], budgets: Sequence[Object]) -> tuple[list[Pod], list[Pod]]:
    """Those whose eviction breaks a PodDisruptionBudget, and the others."""
    parsed = [(budget, _budget_selector(budget)) for budget in budgets]
    allowed = [(budget.get("status") or {}).get("disruptionsAllowed") or 0 for budget in budgets]
    violating: list[Pod] = []
    harmless: list[Pod] = []
    for pod in pods:
        broken = False
        for index, (budget, selector) in enumerate(parsed):
            if not pod.labels or namespace_of(budget) != pod.namespace or selector.empty:
                continue
            disrupted = (budget.get("status") or {}).get("disruptedPods") or {}
            if selector.matches(pod.labels) and pod.name not in disrupted:
                allowed[index] -= 1
                broken = broken or allowed[index] < 0
        (violating if broken else harmless).append(pod)
    return violating, harmless


def _budget_selector(budget: Mapping[str, Any]) -> selectors.LabelSelector:
    try:
        return selectors.label_selector((budget.get("spec") or {}).get("selector"))
    except SelectorError:
        return selectors.NOTHING


def best(candidates: Mapping[str, Victims]) -> list[str]:
    """Every node that is as good as any by all of pickOneNodeForPreemption's criteria."""
    ranks = {name: _rank(victims) for name, victims in candidates.items()}
    return sorted(name for name, rank in ranks.items() if rank == max(ranks.values()))


def _rank(victims: Victims) -> tuple[int, int, int, int, datetime]:
    priorities = [pod.priority for pod in victims.pods]
    highest = max(priorities)
    starts = [pod.start_time or NOW for pod in victims.pods if pod.priority == highest]
    total = sum(priority + 2**31 for priority in priorities)
    return -victims.violations, -highest, -total, -len(priorities), min(starts)
