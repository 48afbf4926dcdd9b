"""What the controllers say where a quota refuses their pods: the real controller manager's words."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import control_plane
from tests.integration import embedded_client
from tests.integration.embedded_client import Client
from tests.integration.embedded_steps import meta, workload
from tests.integration.test_embedded_differential import plain

Object = dict[str, Any]
SPACE = "/api/v1/namespaces/few"
APPS = "/apis/apps/v1/namespaces/few"
_DEADLINE = 30.0
_OTHERWISE = {
    "observedGeneration",  # a ReplicaSet is scaled to its size after it is made here
    "currentRevision",
    "updateRevision",
    "uncountedTerminatedPods",
}


def until(ask: Callable[[], Any]) -> Any:
    """What an inquiry answers as soon as it answers anything."""
    end = time.monotonic() + _DEADLINE
    while not (found := ask()):
        assert time.monotonic() < end, ask
        time.sleep(0.05)
    return found


def told(client: Client) -> dict[str, Object]:
    """By kind: the status of a workload whose quota is spent, and what its Events say."""
    jobs = "/apis/batch/v1/namespaces/few/jobs"
    job = workload("j", parallelism=2)
    del job["spec"]["selector"]
    job["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    client("POST", "/api/v1/namespaces", meta("few"))
    client("POST", f"{SPACE}/resourcequotas", meta("q") | {"spec": {"hard": {"pods": "3"}}})
    until(lambda: client("GET", f"{SPACE}/resourcequotas/q")[1]["status"].get("hard"))
    client("POST", f"{APPS}/deployments", workload("d", replicas=5))
    until(lambda: len(client("GET", f"{SPACE}/pods")[1]["items"]) == 3)
    client("POST", f"{APPS}/statefulsets", workload("s", replicas=5, podManagementPolicy="Parallel"))
    client("POST", jobs, job)
    failed = f"{SPACE}/events?fieldSelector=reason%3DFailedCreate"

    def events() -> Any:
        found = client("GET", failed)[1]["items"]
        return len({each["involvedObject"]["kind"] for each in found}) == 3 and found

    said = {each["involvedObject"]["kind"]: each for each in until(events)}
    made: dict[str, Object] = {}
    for kind, path in {
        "Deployment": f"{APPS}/deployments",
        "ReplicaSet": f"{APPS}/replicasets",
        "StatefulSet": f"{APPS}/statefulsets",
        "Job": jobs,
    }.items():

        def settled(path: str = path) -> Any:
            (found,) = client("GET", path)[1]["items"]
            conditions = (found.get("status") or {}).get("conditions") or ()
            wanted = "ReplicaFailure" if path.endswith(("deployments", "replicasets")) else ""
            observed = "observedGeneration" in found["status"] or "startTime" in found["status"]
            return observed and (not wanted or wanted in {each["type"] for each in conditions}) and found

        made[kind] = _bare(plain(until(settled)["status"]))
        if kind in said:
            made[kind]["event"] = _bare({key: said[kind][key] for key in ("type", "message", "source")})
    return made


def _bare(value: Any) -> Any:
    """Without times and the ends of generated names; conditions by type."""
    if isinstance(value, dict):
        made = {key: _bare(part) for key, part in value.items()}
        return {key: part for key, part in made.items() if key not in _OTHERWISE and not key.endswith("Time")}
    if isinstance(value, list):
        return sorted(map(_bare, value), key=lambda each: str(each["type"]))
    if isinstance(value, str):
        text = value.removeprefix("(combined from similar events): ")
        return re.sub(r'(?<=")([dj])-[a-z0-9-]+(?=")', r"\1", text)
    return value


@pytest.mark.slow
@pytest.mark.reference
def test_the_real_controllers_say_the_same_of_a_quota(tmp_path: Path) -> None:
    with control_plane.running(tmp_path, ("controllers",)) as plane:
        wanted = told(Client("127.0.0.1", plane.port, "admin-token"))
    with embedded_client.embedded(controllers=True) as running:
        assert told(embedded_client.client(running)) == wanted
