"""One run: scenarios one after another on one cluster, their pods given to two schedulers alternately.

Before each pod the cluster is dumped, and both schedulers are waited for until they know all of it (`known`).
What became of the pod is held against what our engine and the real kube-scheduler's framework (`answer`) say
of the dump; those two are equal to the last score. What differs counts. The real one does not tell of every
kind when it has heard of it: what differs there is tried once more, from its dump, and counts if it differs
again.
"""

import dataclasses
import itertools
import json
from collections import Counter
from typing import Any

from stowage.engine import conformance
from tests import kube_scheduler
from tests.fuzz import compare, reference, scenarios
from tests.fuzz.world import SCHEDULER, Json
from tests.integration.side_by_side import cluster, judge, known
from tests.reference import scenarios as recorded

LARGE = [name for name in recorded.FAMILIES if name not in scenarios.ALL]
FEW = 4
"""Pods of each cluster that is large."""
SPARE = 1.2
"""Pods planned for each that is asked for: some the server does not take."""

SIDES = ("theirs", "ours")
PERCENT = {"percentageOfNodesToScore": 100}


@dataclasses.dataclass
class Case:
    """A pod before it was placed, and what became of it. ``scenario``: as `answer` reads it."""

    family: str
    side: str
    scenario: Json
    seen: judge.Observed
    ours: Json
    difference: str = ""

    def __str__(self) -> str:
        return f"{self.family}, {self.side}, {self.scenario['id']}: {self.difference}"


class Plan:
    """Scenarios enough for so many pods, each with profiles of its own where it has a configuration; first a
    cluster of each large family."""

    def __init__(self, seed: int, count: int) -> None:
        self.count = count
        self.scenarios: list[Json] = []
        self._profiles: list[list[Json]] = []
        large = map(_few, scenarios.stream(seed, len(LARGE), LARGE))
        stream = itertools.chain(large, scenarios.stream(seed, 10 * count, scenarios.ALL))
        pods = 0
        while pods < count * SPARE:
            scenario = next(stream)
            self.scenarios.append(scenario)
            written = json.loads(scenario["config"]) if "config" in scenario else {}
            self._profiles.append(written.get("profiles", []))
            pods += len(_waiting(scenario))

    def settings(self, side: str) -> Json:
        """The configuration of one side: its default profile, and those of all scenarios."""
        named = [{"schedulerName": side}]
        for i in range(len(self.scenarios)):
            named += self.profiles(side, i) if self._profiles[i] else []
        return PERCENT | {"profiles": named}

    def profiles(self, side: str, at: int) -> list[Json]:
        """The profiles of one scenario under the names that they have on a side."""
        found = self._profiles[at] or [{"schedulerName": SCHEDULER}]
        return [{**each, "schedulerName": self.name(side, at, each["schedulerName"])} for each in found]

    def name(self, side: str, at: int, name: str) -> str:
        """What a profile of a scenario is called on a side."""
        return f"{side}-{at}-{name}" if self._profiles[at] else side


def _few(scenario: Json) -> Json:
    return {**scenario, "pending": scenario["pending"][:FEW]}


def _waiting(scenario: Json) -> list[Json]:
    """The pods that are to be placed, and can be: those that the scenario has nominated come first."""
    unplaced = [each for each in scenario["objects"] if each["kind"] == "Pod"]
    return [
        _mounted_once(each)
        for each in (*sorted(unplaced, key=cluster.key), *scenario["pending"])
        if "nodeName" not in each["spec"] and "deletionTimestamp" not in each["metadata"]
    ]


class Run:
    """See the module."""

    def __init__(self, place: cluster.Cluster, plan: Plan, knowing: known.Knowing) -> None:
        self.place = place
        self.plan = plan
        self.knowing = knowing
        self.cases: list[Case] = []
        self.again: list[str] = []
        """Differences of the real one that were tried again."""
        self.unbindable = 0
        """Choices that PreBind failed, under both."""

    async def run(self) -> None:
        """As many pods as are asked for, and those that belong to the last one's scenario."""
        for at in range(len(self.plan.scenarios)):
            if len(self.cases) < self.plan.count:
                await self.scenario(at)

    async def scenario(self, at: int) -> None:
        """The pods of one scenario."""
        scenario = self.plan.scenarios[at]
        waiting = [self._given(at, number, pod) for number, pod in enumerate(_waiting(scenario))]
        await self.place.build(scenario["objects"], [pod for _, pod in waiting])
        early = {cluster.key(each) for each in await self.place.client.list_all(cluster.PODS)}
        for side, pod in waiting:
            config = kube_scheduler.configuration({"profiles": self.plan.profiles(side, at)})
            case = await self._placed(scenario["family"], side, pod, config, cluster.key(pod) in early)
            if case is not None:
                self.cases.append(case)
        await self.place.clear()

    def _given(self, at: int, number: int, pod: Json) -> tuple[str, Json]:
        """A pod, and the side that gets it; scenarios with one pod begin with either side in turn."""
        side = SIDES[(at + number) % 2]
        name = self.plan.name(side, at, pod["spec"].get("schedulerName", SCHEDULER))
        return side, {**pod, "spec": {**pod["spec"], "schedulerName": name}}

    async def _placed(self, family: str, side: str, pod: Json, config: Json, existing: bool) -> Case | None:
        """Has a pod placed; None where the server does not take it, or ends it."""
        await self.place.mark()
        before = await self.place.dump()
        await self.knowing.all_of(before, self.place.added)
        if not await self.place.submit(pod, existing):
            return None
        key = cluster.key(pod)
        names = {each["schedulerName"] for each in config["profiles"]}
        known = [each for each in before if _known(each, names) and not _is_pod(each, key)]
        found = await self.place.client.get(cluster.PODS, key[1], key[0])
        pending = {**found, "apiVersion": "v1", "kind": "Pod", "spec": _unplaced(found["spec"])}
        pending["status"] = _before(found["status"], pod)
        scenario = {
            "id": f"{key[0]}/{key[1]}",
            "extended": True,
            "config": json.dumps(config),
            "objects": known,
            "pending": [pending],
        }
        return await self._watched(family, side, scenario)

    async def _watched(self, family: str, side: str, scenario: Json) -> Case:
        (pod,) = scenario["pending"]
        step = conformance.answer(scenario)[0]
        if "preEnqueue" in step:
            found, evicted = await self.place.client.get(cluster.PODS, *reversed(cluster.key(pod))), []
        else:
            found = await self.place.decided(pod)
            evicted = await self._victims(scenario, step, found)
        case = Case(family, side, scenario, judge.Observed.of(found, evicted), step)
        if "nodeName" not in found["spec"] and not found["status"].get("nominatedNodeName"):
            await self.place.remove(pod)
        return case

    async def _victims(self, scenario: Json, step: Json, found: Json) -> list[str]:
        """The pods that went with the decision, of those that should, or that were there to go."""
        if "nodeName" in found["spec"]:
            return []
        node = found["status"].get("nominatedNodeName", "")
        expected = (step.get("preemption") or {}).get(node, {}).get("pods", [])
        await self.place.evicted(expected)
        there = {
            "/".join(cluster.key(each))
            for each in scenario["objects"]
            if each["kind"] == "Pod" and "deletionTimestamp" not in each["metadata"]
        }
        now = {"/".join(cluster.key(each)): each for each in await self.place.client.list_all(cluster.PODS)}
        going = {k for k in there if k not in now or "deletionTimestamp" in now[k]["metadata"]}
        return sorted(going | {k for k in expected if k not in there})

    # ------------------------------------------------------------------- judging

    async def judge(self, real: reference.Reference) -> list[Case]:
        """The cases that differ."""
        steps = [answer_step(each) for each in real.ask(case.scenario for case in self.cases)]
        differ = []
        for case, step in zip(self.cases, steps, strict=True):
            case.difference = _parted(case, step)
            if not case.difference:
                case = await self._judged(case, step, real)
            if case.difference:
                differ.append(case)
        return differ

    async def _judged(self, case: Case, step: Json, real: reference.Reference) -> Case:
        """The case, or the one that stands for it, with its difference."""
        case.difference = judge.difference(case.scenario, step, case.seen)
        if case.difference and judge.unbindable(case.seen, step.get("best") or []):
            self.unbindable += 1
            other = await self.anew(_across(case))  # what the one cannot bind, the other cannot either
            case.difference = "" if other.seen == case.seen else f"{case.difference}; {other.seen}"
        elif case.difference and case.side == "theirs":
            self.again.append(str(case))
            case = await self.anew(case)
            step = answer_step(real.ask([case.scenario])[0])
            case.difference = _parted(case, step) or judge.difference(case.scenario, step, case.seen)
        return case

    async def anew(self, case: Case) -> Case:
        """The case once more, on a cluster made of its dump."""
        await self.place.clear()
        (pod,) = case.scenario["pending"]
        waiting = _waiting(case.scenario)
        await self.place.build(case.scenario["objects"], waiting)
        early = {cluster.key(each) for each in await self.place.client.list_all(cluster.PODS)}
        config = json.loads(case.scenario["config"])
        for each in waiting[:-1]:
            if await self.place.submit(each, cluster.key(each) in early):
                await self.place.decided(each, 1.0)
        found = await self._placed(case.family, case.side, pod, config, cluster.key(pod) in early)
        assert found is not None, "the server took it before"
        return found

    def families(self) -> Counter[str]:
        """Pods by family."""
        return Counter(case.family for case in self.cases)


def _across(case: Case) -> Case:
    """The case, given to the other side."""
    other = SIDES[1 - SIDES.index(case.side)]
    text = json.dumps(case.scenario)
    for quote in ('"', '\\"'):  # the configuration is JSON in JSON
        named = f"{quote}schedulerName{quote}: {quote}"
        text = text.replace(named + case.side, named + other)
    return dataclasses.replace(case, side=other, scenario=json.loads(text))


def answer_step(answer: Json) -> Json:
    """The one step of an answer; an error is a step as well."""
    if answer.get("error") or not answer["steps"]:
        return {"error": answer.get("error") or "no step"}
    step: Json = answer["steps"][0]
    return step


def _parted(case: Case, step: Json) -> str:
    """In what the engine and `answer` say something else of the same dump."""
    if "error" in step:
        return f"answer: {step['error']}"
    found = compare.first(case.scenario, [step], [case.ours])
    return f"engine and answer: {found}" if found else ""


def _known(item: Json, names: set[str]) -> bool:
    """Whether a scheduler with profiles of these names reads an object: not the pending pods of others."""
    return item["kind"] != "Pod" or "nodeName" in item["spec"] or item["spec"]["schedulerName"] in names


def _mounted_once(pod: Json) -> Json:
    """Without further volumes of a claim that it has already: 1.36.2 writes an unbound claim once for each,
    and so gets into its own way (a Conflict, told as an error, and tried again)."""
    claims, volumes = set(), []
    for volume in pod["spec"].get("volumes", []):
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        if claim not in claims:
            volumes.append(volume)
        claims |= {claim} - {None}
    return {**pod, "spec": {**pod["spec"], "volumes": volumes}} if volumes else pod


def _is_pod(item: Json, key: tuple[str, str]) -> bool:
    return item["kind"] == "Pod" and cluster.key(item) == key


def _unplaced(spec: Json) -> Json:
    return {field: value for field, value in spec.items() if field != "nodeName"}


def _before(status: Json, pod: Json) -> Json:
    nominated = pod.get("status", {}).get("nominatedNodeName")
    return {"phase": "Pending"} | ({"nominatedNodeName": nominated} if nominated else {})


def as_text(settings: dict[str, Any]) -> str:
    """A configuration as a file has it: JSON is YAML."""
    return json.dumps(kube_scheduler.configuration(settings))
