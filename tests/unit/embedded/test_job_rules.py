import copy
from typing import Any

import pytest

from stowage.embedded.writing import job_rules
from tests.unit.embedded.simulated import Cluster

NARROWED = {"nodeSelector": {"a": "b"}}
RESIZED = {"resources": {"requests": {"cpu": "2"}}}
RENAMED = {"name": "b"}


def job(**status: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "a", "image": "i"}], "restartPolicy": "Never"}}
    made = Cluster().create("batch", "Job", "j", spec={"suspend": True, "template": template})
    return made | {"status": status}


def refused(before: dict[str, Any], **spec: Any) -> list[str]:
    after = copy.deepcopy(before)
    changed = after["spec"]["template"]["spec"]
    (changed if "nodeSelector" in spec else changed["containers"][0]).update(spec)
    return [cause.field for cause in job_rules.check(before, after)]


@pytest.mark.parametrize(
    ("change", "where"),
    [(NARROWED, []), (RESIZED, []), (RENAMED, ["spec.template.spec"])],
    ids=["where-they-go", "what-they-request", "what-they-are"],
)
def test_the_pods_of_a_job_that_rests_may_be_steered(change: dict[str, Any], where: list[str]) -> None:
    assert refused(job(), **change) == where
    said = [{"type": "Suspended", "status": "True"}]
    assert refused(job(startTime="2026-01-01T00:00:00Z", conditions=said), **change) == where


@pytest.mark.parametrize(
    "status", [{"active": 1}, {"startTime": "2026-01-01T00:00:00Z"}], ids=["has-pods", "has-started"]
)
def test_the_template_of_a_job_that_runs_stays(status: dict[str, Any]) -> None:
    assert refused(job(**status), **NARROWED) == ["spec.template"]


def test_the_labels_of_a_job_are_its_name_and_uid() -> None:
    value = job()
    assert list(job_rules.check(None, value)) == []
    value["metadata"]["uid"] = "another"
    assert [cause.field for cause in job_rules.check(None, value)] == [
        "spec.template.metadata.labels[controller-uid]",
        "spec.template.metadata.labels[batch.kubernetes.io/controller-uid]",
        "spec.selector",
    ]
    for name in ("batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"):
        value["spec"]["template"]["metadata"]["labels"].pop(name)
    assert [cause.field for cause in job_rules.check(value, value)] == [
        "spec.template.metadata.labels[controller-uid]",
        "spec.selector",
    ]
