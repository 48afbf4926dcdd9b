"""What an extended scenario tells besides: PostFilter as the profile has it, and a failure's sentence."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.oracle import preemption
from tests.oracle.framework import ERROR, UNSCHEDULABLE, CycleState, Profile, Status, unresolvable
from tests.oracle.objects import Pod


@dataclass
class Failure:
    """Why a pod fits nowhere: each node's status, and the one of all others (NodeToStatus)."""

    profile: Profile
    state: CycleState
    pod: Pod
    nodes: dict[str, Status] = field(default_factory=dict)
    others: Status = field(default_factory=lambda: unresolvable(""))
    refused: Status | None = None  # by PreFilter

    def tell(self, step: dict[str, Any]) -> None:
        """Runs PostFilter and writes `preemption`, `nominated` and `message`."""
        if not self.profile.cluster.nodes:
            step["message"] = "no nodes available to schedule pods"
            return
        if self.refused is not None and self.refused.code == ERROR:
            step["message"] = self.refused.reasons[0]
            return
        if any(status.code == ERROR for status in self.nodes.values()):
            return  # the cycle ends with one of the errors
        message = self._post_filter(step)
        if "error" not in step:
            step["message"] = self._sentence(message)

    def _sentence(self, post_filter: str) -> str:
        total = len(self.profile.cluster.nodes)
        parts = [f"0/{total} nodes are available:"]
        if self.refused is not None:
            if self.refused.reasons:
                parts.append(", ".join(self.refused.reasons) + ".")
        else:
            parts += _histogram(self.nodes.values(), total - len(self.nodes), self.others)
        if post_filter:
            parts.append(post_filter)
        return " ".join(parts)

    def _post_filter(self, step: dict[str, Any]) -> str:
        """The plugins in turn; the first that succeeds or fails with an error ends it."""
        told: list[str] = []
        for plugin in self.profile.plugins["postFilter"]:
            if plugin.name == "DynamicResources":
                if plugin.name not in self.state.skip_filter:
                    return (
                        "not found"  # an earlier PreFilter plugin ended the cycle before its state was there
                    )
                told.append("no new claims to deallocate")
            elif plugin.name == "DefaultPreemption":
                message = self._preempt(step)
                if not message:
                    return ""
                told.append(f"preemption: {message}")
        return ", ".join(told)

    def _preempt(self, step: dict[str, Any]) -> str:
        """Empty where a node is nominated."""
        reason = preemption.ineligible(self.profile, self.pod, self._status(self.pod.nominated_node))
        if reason:
            return reason
        infos = [i for i in self.profile.cluster.nodes if self._status(i.name).code == UNSCHEDULABLE]
        refusals: dict[str, Status] = {}
        try:
            candidates = preemption.dry_run(self.profile, self.state, self.pod, infos, refusals)
        except preemption.DryRunError as error:
            step["error"] = f"dry run: {error}"
            return ""
        preemption.tell(step, candidates)
        if candidates:
            return ""
        total = len(self.profile.cluster.nodes)
        helpless = unresolvable("Preemption is not helpful for scheduling")
        rest = _histogram(refusals.values(), total - len(refusals), helpless)
        return " ".join([f"0/{total} nodes are available:", *rest])

    def _status(self, node: str) -> Status:
        return self.nodes.get(node, self.others)


def _histogram(statuses: Iterable[Status], absent: int, others: Status) -> list[str]:
    """How many nodes have each reason, in the order of the texts; no reason, no sentence."""
    counts = Counter(reason for status in statuses for reason in status.reasons)
    if absent:
        counts.update({reason: absent for reason in others.reasons if reason})
    told = sorted(f"{count} {reason}" for reason, count in counts.items())
    return [", ".join(told) + "."] if told else []
