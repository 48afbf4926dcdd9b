"""The openb trace: a production GPU cluster as CSV (Alibaba's cluster trace, GPU, v2023).

Every row of the pod list is a pending pod, whatever its phase says. GPUs are one extended resource in
thousandths of a device; the model is a label of the node, and a required node affinity of a pod that
names models. Single devices are not told apart.
"""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from stowage.api import objects, validate
from stowage.simulate import inputs, problems, world

GPU: Final = "alibabacloud.com/gpu-milli"
MODEL: Final = "alibabacloud.com/gpu-card-model"
HOSTNAME: Final = "kubernetes.io/hostname"
PODS: Final = "110"
"""Pods that a node takes; the trace does not say."""
_NODE_FIELDS: Final = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
_POD_FIELDS: Final = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli")
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_LARGEST: Final = 1 << 53
_Row = Mapping[str, str]


def nodes(path: str, limit: int, faults: problems.Faults) -> Iterator[world.Sourced]:
    """The nodes of a node list; bad rows are noted in the faults."""
    yield from _objects(path, limit, faults, _NODE_FIELDS, _node)


def pods(path: str, limit: int, faults: problems.Faults) -> Iterator[world.Sourced]:
    """The pods of a pod list; bad rows are noted in the faults."""
    specs: dict[tuple[str, ...], objects.PodSpec] = {}
    yield from _objects(path, limit, faults, _POD_FIELDS, lambda row: _pod(row, specs))


def _objects(
    path: str,
    limit: int,
    faults: problems.Faults,
    fields: tuple[str, ...],
    make: Callable[[_Row], objects.Object],
) -> Iterator[world.Sourced]:
    data = inputs.read(path, limit, faults)
    if data is None:
        return
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        missing = [name for name in fields if name not in (reader.fieldnames or ())]
        if missing:
            faults.unreadable(path, "line 1", f"has no column {', '.join(missing)}")
            return
        for row in reader:
            place = f"line {reader.line_num}"
            if None in row or None in row.values():
                faults.problem(path, place, "", f"should have {len(reader.fieldnames or ())} values")
                continue
            subject = f"{place} ({row[fields[0]]})" if row[fields[0]] else place
            try:
                item = make(row)
            except _FieldError as error:
                faults.problem(path, subject, error.field, error.message)
                continue
            wrong = validate.problems(item)
            for each in wrong:
                faults.problem(path, subject, each.path, each.message)
            if not wrong:
                yield path, item
    except UnicodeDecodeError:
        faults.unreadable(path, "", "is not UTF-8 text")
    except csv.Error as error:
        faults.unreadable(path, "", f"is not CSV: {error}")


class _FieldError(ValueError):
    def __init__(self, field: str, message: str) -> None:
        self.field = field
        self.message = message


def _node(row: _Row) -> objects.Node:
    name = _name(row, "sn")
    gpus = _number(row, "gpu")
    amounts: objects.ResourceList = {
        "cpu": f"{_number(row, 'cpu_milli')}m",
        "memory": f"{_number(row, 'memory_mib')}Mi",
        "pods": PODS,
    }
    labels = {HOSTNAME: name}
    if gpus:
        amounts[GPU] = str(1000 * gpus)
    if row["model"]:
        labels[MODEL] = row["model"]
    return objects.Node(
        metadata=objects.ObjectMeta(name=name, labels=labels),
        status=objects.NodeStatus(capacity=amounts, allocatable=amounts),
    )


def _pod(row: _Row, specs: dict[tuple[str, ...], objects.PodSpec]) -> objects.Pod:
    name = _name(row, "name")
    asked = (*(row[field] for field in _POD_FIELDS[1:]), row.get("gpu_spec") or "")
    spec = specs.get(asked)
    if spec is None:
        spec = specs[asked] = _spec(row)
    created = None
    if row.get("creation_time"):
        seconds = _number(row, "creation_time")
        try:
            created = (_EPOCH + datetime.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
        except OverflowError:
            raise _FieldError("creation_time", f"{seconds} seconds are beyond any calendar") from None
    meta = objects.ObjectMeta(name=name, namespace="default", creation_timestamp=created)
    return objects.Pod(metadata=meta, spec=spec)


def _spec(row: _Row) -> objects.PodSpec:
    amounts: objects.ResourceList = {
        "cpu": f"{_number(row, 'cpu_milli')}m",
        "memory": f"{_number(row, 'memory_mib')}Mi",
    }
    gpu = _number(row, "num_gpu") * _number(row, "gpu_milli")
    if gpu:
        amounts[GPU] = str(gpu)
    resources = objects.ResourceRequirements(requests=amounts)
    return objects.PodSpec(
        containers=(objects.Container(name="main", resources=resources),),
        affinity=_affinity(row.get("gpu_spec") or ""),
    )


def _affinity(models: str) -> objects.Affinity | None:
    if not models:
        return None
    names = tuple(dict.fromkeys(models.split("|")))
    term = objects.NodeSelectorTerm((objects.NodeSelectorRequirement(MODEL, "In", names),))
    return objects.Affinity(objects.NodeAffinity(objects.NodeSelector((term,))))


def _name(row: _Row, field: str) -> str:
    if not row[field]:
        raise _FieldError(field, "is missing")
    return row[field]


def _number(row: _Row, field: str) -> int:
    text = row[field].strip()
    if text in ("", "0"):
        return 0
    if not (text.isascii() and text.isdecimal()) or len(text) > 18 or int(text) > _LARGEST:
        raise _FieldError(field, f"{row[field][:40]!r} is not a whole number of 0 or more")
    return int(text)
