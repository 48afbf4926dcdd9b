"""Records the small tables of the unit tests from the Go libraries: quantities and pods' resources.

    go build -C tests/reference -o BIN/ ./quantities ./podresources
    python tests/reference/record_tables.py BIN

Writes tests/data/quantities.jsonl and tests/data/pod_resources.jsonl.gz. No pod here states an amount
such as 1.5Gi, which Go keeps as a shared pointer: with pod-level resources and overhead its answers
then grow from call to call, which no API server's own (canonical) objects provoke.
"""

import gzip
import json
import pathlib
import random
import subprocess
import sys
from typing import Any

DATA = pathlib.Path(__file__).parents[1] / "data"

CPU = ["0", "100m", "250m", "1", "1.5", "0.1", "1e-1", "100n", "1u", "333333n", "0.0005", "2"]
MEMORY = ["0", "64Mi", "1Gi", "100M", "1e8", "123456789", "0.5", "1m", "1k", "1500m"]
OTHERS = {
    "ephemeral-storage": ["1Gi", "0", "10Mi"],
    "nvidia.com/gpu": ["1", "2", "0"],
    "hugepages-2Mi": ["2Mi", "4Mi"],
    "example.com/x": ["1", "500m"],
    "odd": ["3"],
    "kubernetes.io/y": ["2"],
    "attachable-volumes-csi-z": ["1"],
    "pods": ["1"],
}


def amounts(draw: random.Random, *, pod_level: bool = False) -> dict[str, str]:
    """Some resources; for a pod as a whole only those that may be stated there."""
    found = {
        name: draw.choice(texts) for name, texts in (("cpu", CPU), ("memory", MEMORY)) if draw.random() < 0.6
    }
    for name, texts in OTHERS.items():
        if draw.random() < 0.12 and (not pod_level or name.startswith("hugepages-")):
            found[name] = draw.choice(texts)
    return found


def container(draw: random.Random, name: str, *, init: bool) -> dict[str, Any]:
    """A container, or an init container that may be a sidecar."""
    resources = {
        field: amounts(draw) for field, share in (("requests", 0.8), ("limits", 0.3)) if draw.random() < share
    }
    made: dict[str, Any] = {"name": name, "image": "i", "resources": resources}
    if init and draw.random() < 0.5:
        made["restartPolicy"] = draw.choice(["Always", "Always", "OnFailure"])
    return made


def resize(draw: random.Random, spec: dict[str, Any]) -> dict[str, Any]:
    """A status in the middle of a resize."""
    status: dict[str, Any] = {}
    for field, states in (("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")):
        status[states] = [
            {
                "name": one["name"],
                **({"resources": {"requests": amounts(draw)}} if draw.random() < 0.8 else {}),
                **({"allocatedResources": amounts(draw)} if draw.random() < 0.6 else {}),
            }
            for one in spec.get(field, [])
            if draw.random() < 0.9
        ]
    if draw.random() < 0.5:
        reasons = draw.choice([["Infeasible"], ["Deferred"], ["Deferred", "Infeasible"]])
        status["conditions"] = [
            {"type": "PodResizePending", "status": "True", "reason": reason} for reason in reasons
        ]
    if draw.random() < 0.4:
        status["resources"] = {"requests": amounts(draw, pod_level=True)}
        status["allocatedResources"] = amounts(draw, pod_level=True)
    return status


def pod(draw: random.Random, number: int) -> dict[str, Any]:
    """A random pod."""
    spec: dict[str, Any] = {
        "containers": [container(draw, f"c{i}", init=False) for i in range(draw.randint(1, 3))],
        "initContainers": [container(draw, f"i{i}", init=True) for i in range(draw.choice([0, 0, 1, 2, 3]))],
    }
    if draw.random() < 0.25:
        spec["overhead"] = amounts(draw)
    if draw.random() < 0.35:
        spec["resources"] = {
            field: amounts(draw, pod_level=True) for field in ("requests", "limits") if draw.random() < 0.65
        }
    status = resize(draw, spec) if draw.random() < 0.4 else {}
    return {"metadata": {"name": f"p{number}", "namespace": "d"}, "spec": spec, "status": status}


def ask(program: pathlib.Path, questions: list[Any]) -> list[Any]:
    """One JSON line a question, one an answer."""
    text = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> None:
    """Record both tables anew: the texts of the present one, and 200 pods."""
    folder = pathlib.Path(sys.argv[1])
    table = DATA / "quantities.jsonl"
    texts = [json.loads(line)[0] for line in table.read_text(encoding="utf-8").splitlines()]
    rows = ask(folder / "quantities", texts)
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")

    draw = random.Random(7)
    pods = [pod(draw, number) for number in range(200)]
    answers = ask(folder / "podresources", pods)
    lines = [
        json.dumps({"pod": one, "answer": answer}, separators=(",", ":"))
        for one, answer in zip(pods, answers, strict=True)
    ]
    packed = gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)
    (DATA / "pod_resources.jsonl.gz").write_bytes(packed)


if __name__ == "__main__":
    main()
