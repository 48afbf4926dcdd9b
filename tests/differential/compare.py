"""What has to be equal; what has not, and why, is in README.md.

Status code; of a refusal status, reason, name, group, kind and each cause's reason and field; objects and
watch events whole, but for what `VARYING` names.
"""

from __future__ import annotations

import re
from typing import Any

VARYING: dict[str, str] = {
    "uid": "made by each server",
    "resourceVersion": "made by each server",
    "creationTimestamp": "a time",
    "deletionTimestamp": "a time",
    "lastTransitionTime": "a time",
    "lastPhaseTransitionTime": "a time",
    "time": "a time, of managedFields",
    "continue": "a page's token, made by each server",
    "controller-uid": "the uid of a Job, as a label",
    "batch.kubernetes.io/controller-uid": "the uid of a Job, as a label",
    "token": "made by each server",
    "expirationTimestamp": "a time",
    "authentication.kubernetes.io/credential-id": "of a token, made by each server",
    "clusterIP": "an address, assigned by each server",
    "clusterIPs": "an address, assigned by each server",
}
"""Fields of which only that they are there is compared, and why."""
SOME = "some"
_NAMESPACE = "kubernetes.io/metadata.name"
"""The label that every namespace has."""
_HEADLESS = ("None", ["None"])
"""A service's address where it has none."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The name of a LimitRange that is created without one."""
_CELLS = (
    (re.compile(r"\b(\dm)?\d+s\b"), "young"),
    (re.compile(r"^\d{4}-\d\d-\d\dT[\d:]{8}Z$"), "time"),
    (re.compile(rf"\b{_UUID.pattern}\b"), "uid"),
    (re.compile(r"-g-\w{5}$"), "-g-"),
)
"""What varies in a table's cells: young ages, times, uids, the ends of generated names."""


def plain(value: Any) -> Any:
    """Without what varies."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "Status" and value.get("apiVersion") == "v1":
        return _status(value)
    if "cells" in value:
        value = value | {"cells": _cells(value["cells"])}
    made: dict[str, Any] = {
        key: SOME if key in VARYING and part and part not in _HEADLESS else plain(part)
        for key, part in value.items()
        if key != "remainingItemCount" and not (key == "uid" and "username" in value)
    }
    for name in ("resourceRules", "nonResourceRules"):
        if name in made:  # in the order in which the real server comes by the bindings
            made[name].sort(key=str)
    for name in ("reason", "evaluationError"):  # of several bindings it takes the first, and tells all roles
        if isinstance(made.get(name), str):
            text = re.sub(r"^RBAC: allowed by .*", "RBAC: allowed", made[name])
            made[name] = sorted(re.split(r"\[|\]|, ", text))
    if "finalizers" in made and _NAMESPACE in (made.get("labels") or {}):
        made["finalizers"].sort()  # in the order of Go's maps, once it is deleted
    if "generateName" in made or _UUID.fullmatch(str(made.get("name"))):
        made.pop("name", None)  # its end is random, or all of it
        made.get("labels", {}).pop(_NAMESPACE, None)
    if "managedFields" in made:  # those of one second are in the order of their managers
        made["managedFields"].sort(key=lambda each: (each["manager"], each["operation"], str(each)))
    return made


def _cells(row: list[Any]) -> list[Any]:
    made = list(row)
    for varying, instead in _CELLS:
        made = [varying.sub(instead, each) if isinstance(each, str) else each for each in made]
    if len(made) == 7 and made[1] in {"ClusterIP", "NodePort", "LoadBalancer"} and made[2] != "None":
        made[2] = SOME  # a service's address, assigned by each server
    return made


def _status(value: dict[str, Any]) -> dict[str, Any]:
    details = value.get("details") or {}
    causes = sorted(
        {(each.get("reason") or "", each.get("field") or "") for each in details.get("causes") or ()}
    )
    named = {key: details.get(key) for key in ("name", "group", "kind") if details.get(key)}
    if "name" in named:  # the end of a generated one is random
        named["name"] = re.sub(r"-g-\w{5}$", "-g-", str(named["name"]))
    return {"status": value["status"], "reason": value.get("reason"), "causes": causes, **named}


def differences(wanted: Any, found: Any, path: str = "") -> list[str]:
    """One line for each place where they differ; wanted is the real server's."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        lines = []
        for key in sorted(wanted.keys() | found.keys()):
            here = f"{path}.{key}"
            if key not in found:
                lines.append(f"{here}: {_short(wanted[key])}, not here")
            elif key not in wanted:
                lines.append(f"{here}: only here: {_short(found[key])}")
            else:
                lines.extend(differences(wanted[key], found[key], here))
        return lines
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return [line for index, (a, b) in pairs for line in differences(a, b, f"{path}[{index}]")]
    return [] if wanted == found else [f"{path}: {_short(wanted)}, here {_short(found)}"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 160 else text[:157] + "..."
