"""What a RuntimeClass gives to the pods that name it: overhead, a selector of nodes, tolerations.

Rules: plugin/pkg/admission/runtimeclass, pkg/util/tolerations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stowage.api import quantity
from stowage.embedded import errors
from stowage.embedded.storage import store

Object = dict[str, Any]

_OTHER = "Pod's Overhead doesn't match RuntimeClass's defined Overhead"
_ALONE = "Pod Overhead set without corresponding RuntimeClass defined Overhead"


def complete(objects: store.Store, pod: Object) -> None:
    """Give a new pod what its class has. ApiError 403."""
    spec, found = pod["spec"], _class(objects, pod)
    overhead = _overhead(found)
    if overhead is not None:
        if spec.get("overhead") and _nanos(spec["overhead"]) != _nanos(overhead):
            raise _refused(pod, f"pod rejected: {_OTHER}")
        spec["overhead"] = overhead
    scheduling = found.get("scheduling") or {}
    for key, value in (scheduling.get("nodeSelector") or {}).items():
        had = spec.setdefault("nodeSelector", {}).setdefault(key, value)
        if had != value:
            raise _refused(
                pod,
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value};"
                f" pod.spec.nodeSelector[{key}] = {had}",
            )
    if scheduling.get("tolerations"):
        spec["tolerations"] = _merged([*(spec.get("tolerations") or ()), *scheduling["tolerations"]])


def judge(objects: store.Store, pod: Object) -> None:
    """Refuse a pod with an overhead that is not its class's. ApiError 403."""
    if pod["spec"].get("overhead") and _overhead(_class(objects, pod)) is None:
        raise _refused(pod, f"pod rejected: {_ALONE}")


def _class(objects: store.Store, pod: Object) -> Object:
    name = pod["spec"].get("runtimeClassName")
    if name is None:
        return {}
    found = objects.get("runtimeclasses.node.k8s.io", ("", name))
    if found is None:
        raise _refused(pod, f'pod rejected: RuntimeClass "{name}" not found')
    return found.read()


def _overhead(found: Object) -> Object | None:
    return None if found.get("overhead") is None else found["overhead"].get("podFixed") or {}


def _nanos(amounts: Object) -> dict[str, int]:
    return {name: quantity.nanos(amount) for name, amount in amounts.items()}


def _refused(pod: Object, why: str) -> errors.ApiError:
    return errors.forbidden("", "pods", pod["metadata"].get("name", ""), why)


def _merged(tolerations: Sequence[Object]) -> list[Object]:
    """Without those that another one comprises."""
    kept: list[Object] = []
    for i, each in enumerate(tolerations):
        later = (other for other in tolerations[i + 1 :] if other != each)
        if not any(_comprises(other, each) for other in (*kept, *later)):
            kept.append(each)
    return kept


def _comprises(whole: Object, part: Object) -> bool:
    if whole == part:
        return True
    operator, effect = whole.get("operator", "Equal"), whole.get("effect", "")
    if whole.get("key", "") != part.get("key", "") and (whole.get("key") or operator != "Exists"):
        return False
    if effect and effect != part.get("effect", ""):
        return False
    seconds, asked = whole.get("tolerationSeconds"), part.get("tolerationSeconds")
    if effect == "NoExecute" and seconds is not None and (asked is None or asked > seconds):
        return False
    if operator == "Equal":
        return part.get("operator") == "Equal" and part.get("value", "") == whole.get("value", "")
    return bool(operator == "Exists")
