"""The defaults of workloads and of what they are made of: templates, and claims.

Rules: pkg/apis/apps/v1/defaults.go, pkg/apis/batch/v1/defaults.go and the strategies under pkg/registry.
"""

from __future__ import annotations

from typing import Any, Final

from stowage.embedded.writing import pod_defaults

Object = dict[str, Any]
TEMPLATES: Final = "deprecated.daemonset.template.generation"
"""How many templates a DaemonSet has had; the server keeps the count."""
_LABELS: Final = ("controller-uid", "job-name")


def claim(value: Object) -> None:
    value.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")


def deployment(value: Object) -> None:
    spec = _template(value)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")


def replica_set(value: Object) -> None:
    _template(value).setdefault("replicas", 1)


def replication_controller(value: Object) -> None:
    spec = value.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    if "template" in spec:
        _template(value)
        labels = spec["template"]["metadata"].get("labels")
        if labels and not spec.get("selector"):
            spec["selector"] = dict(labels)
        _own_labels(value)


def stateful_set(value: Object) -> None:
    spec = _template(value)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    policy = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    policy.setdefault("whenDeleted", "Retain")
    policy.setdefault("whenScaled", "Retain")
    for each in spec.get("volumeClaimTemplates") or ():
        each["apiVersion"], each["kind"] = "v1", "PersistentVolumeClaim"
        claim(each)
        each.setdefault("status", {"phase": "Pending"})


def daemon_set(value: Object) -> None:
    spec = _template(value)
    value["metadata"].setdefault("annotations", {}).setdefault(TEMPLATES, "0")
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)


def begin_daemon_set(value: Object) -> None:
    value["metadata"]["annotations"][TEMPLATES] = "1"


def job(value: Object) -> None:
    _job_spec(value.setdefault("spec", {}))
    _own_labels(value)


def begin_job(job: Object) -> None:
    spec, uid, name = job["spec"], job["metadata"]["uid"], job["metadata"].get("name", "")
    if spec.get("manualSelector"):
        return
    labels = spec.setdefault("template", {}).setdefault("metadata", {}).setdefault("labels", {})
    for label, value in zip(_LABELS, (uid, name), strict=True):
        labels.setdefault(label, value)
        labels.setdefault(f"batch.kubernetes.io/{label}", value)
    _own_labels(job)  # which, where they are the template's already, have just got these as well
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}


def cron_job(value: Object) -> None:
    spec = value.setdefault("spec", {})
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    pod_defaults.template_spec(
        spec.setdefault("jobTemplate", {})
        .setdefault("spec", {})
        .setdefault("template", {})
        .setdefault("spec", {})
    )


def _job_spec(spec: Object) -> None:
    pod_defaults.template_spec(spec.setdefault("template", {}).setdefault("spec", {}))
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")


def _template(value: Object) -> Object:
    spec: Object = value.setdefault("spec", {})
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    pod_defaults.template_spec(template.setdefault("spec", {}))
    return spec


def _own_labels(value: Object) -> None:
    """An object without labels has those of its template: the very same ones."""
    labels = (value["spec"]["template"].get("metadata") or {}).get("labels")
    if labels and not value["metadata"].get("labels"):
        value["metadata"]["labels"] = labels


def renew_daemon_set(before: Object, value: Object) -> None:
    annotations = value["metadata"].setdefault("annotations", {})
    count = int((before["metadata"].get("annotations") or {}).get(TEMPLATES, "1"))
    annotations[TEMPLATES] = str(count + (before["spec"]["template"] != value["spec"]["template"]))
