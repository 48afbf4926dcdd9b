"""What must hold after a fault; each check returns what does not, a sentence each.

They look at what others say: the API server's audit log, its objects, its Events. Only the last two ask the
scheduler, which compares what it knows with the API server by itself.
"""

import collections
import dataclasses
import datetime
from collections.abc import Callable, Mapping
from typing import Any

Amounts = Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class Request:
    """A pod's binding or deletion as the audit log has it. `code` 0: no answer was written down."""

    verb: str
    pod: str
    uid: str
    node: str
    code: int
    at: datetime.datetime
    by: str


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What is known in the end.

    `nodes`: what each node has that is there; `sizes`: what each pod asks for that was ever created.
    `known`: what the scheduler said when it last compared. `ended`: when the fault did, and `within` the
    seconds from then on in which pods are to be bound. `lost`: pods of whose binding the answer was lost;
    `late`: of which a binding arrived after its connection broke.
    """

    nodes: Mapping[str, Amounts]
    sizes: Mapping[str, Amounts]
    pods: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]
    requests: tuple[Request, ...]
    known: Mapping[str, Any]
    ended: datetime.datetime
    within: float = 30.0
    lost: frozenset[str] = frozenset()
    late: frozenset[str] = frozenset()

    @property
    def live(self) -> list[dict[str, Any]]:
        return [pod for pod in self.pods if "deletionTimestamp" not in pod["metadata"]]

    def bindings(self, pod: str) -> list[Request]:
        """The requests to bind a pod, in order."""
        return [each for each in self.requests if each.verb == "bind" and each.pod == pod]


Check = Callable[[Evidence], list[str]]


def node_of(pod: dict[str, Any]) -> str:
    return str(pod["spec"].get("nodeName", ""))


def room(evidence: Evidence) -> list[str]:
    """No node has more than it can hold: not now, and not at any time."""
    found = []
    used: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for pod in evidence.pods:
        used[node_of(pod)].update(evidence.sizes[pod["metadata"]["name"]])
    for node, has in evidence.nodes.items():
        found += [
            f"{node} has {amount} of {name}, and only {has[name]} of it"
            for name, amount in used[node].items()
            if amount > has[name]
        ]
    return found + _history(evidence)


def _history(evidence: Evidence) -> list[str]:
    """Nodes that had too much at some time between."""
    found = []
    place: dict[str, str] = {}
    used: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for each in sorted(evidence.requests, key=lambda each: each.at):
        if not 200 <= each.code < 300:
            continue
        if each.verb == "bind":
            place[each.pod] = each.node
            used[each.node].update(evidence.sizes[each.pod])
            has = evidence.nodes.get(each.node, {})
            over = [name for name, amount in has.items() if used[each.node][name] > amount]
            if over:
                found.append(f"{each.node} was given {each.pod} and had no room of {', '.join(over)}")
        elif each.pod in place:
            used[place.pop(each.pod)].subtract(evidence.sizes[each.pod])
    return found


def bound_once(evidence: Evidence) -> list[str]:
    """Every live pod is bound, in time, and once; and nobody binds again what he has bound."""
    found = []
    deadline = evidence.ended + datetime.timedelta(seconds=evidence.within)
    for pod in evidence.live:
        name, node = pod["metadata"]["name"], node_of(pod)
        asked = evidence.bindings(name)
        done = [each for each in asked if 200 <= each.code < 300]
        # A server that dies or loses its store in between does, and does not say so.
        unknown = [each for each in asked if not each.code or each.code >= 500]
        if not node:
            found.append(f"{name} is not bound")
        elif len(done) > 1:
            found.append(f"{name} was bound {len(done)} times")
        elif not done and not unknown:
            found.append(f"{name} is bound, and nobody asked for it")
        elif done and done[0].node != node:
            found.append(f"{name} was bound to {done[0].node} and is on {node}")
        elif (took := (done or unknown)[-1].at) > deadline:
            found.append(f"{name} was bound {(took - evidence.ended).total_seconds():.0f} s after the fault")
        for first in done if name not in evidence.late else ():
            again = [each for each in asked if each.by == first.by and each.at > first.at]
            found += [f"{name} was to be bound again by {first.by}, after it was bound" for _ in again]
    return found


def recognised(evidence: Evidence) -> list[str]:
    """A binding whose answer was lost is as good as any: nothing is said against it."""
    found = []
    said: dict[str, set[str]] = collections.defaultdict(set)
    for event in evidence.events:
        said[event["regarding"]["name"]].add(event["reason"])
    for pod in evidence.live:
        name = pod["metadata"]["name"]
        if name not in evidence.lost:
            continue
        if "FailedScheduling" in said[name]:
            found.append(f"{name} was said to have failed, though it was bound")
        elif "Scheduled" not in said[name]:
            found.append(f"{name} was bound, and nothing said so")
        if len(evidence.bindings(name)) != 1:
            found.append(f"{name} was bound and asked for again")
    return found


def table(evidence: Evidence) -> list[str]:
    """What the scheduler counts with is what the API server says."""
    return [*evidence.known["differences"], *(f"{name} is in no queue" for name in evidence.known["lost"])]


def nothing_assumed(evidence: Evidence) -> list[str]:
    """Nothing is left under way."""
    return [f"{pod} is still assumed on {node}" for pod, node in evidence.known["assumed"].items()]


ALL: tuple[Check, ...] = (room, bound_once, recognised, table, nothing_assumed)
