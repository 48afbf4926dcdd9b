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
    "remainingItemCount": "only the real server's own estimate",
    "controller-uid": "the uid of a Job, as a label",
    "batch.kubernetes.io/controller-uid": "the uid of a Job, as a label",
    "clusterIP": "an address, assigned by each server",
    "clusterIPs": "an address, assigned by each server",
}
"""Fields that are not compared, and why."""


def plain(value: Any) -> Any:
    """Without what varies."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "Status" and value.get("apiVersion") == "v1":
        return _status(value)
    made = {key: plain(part) for key, part in value.items() if key not in VARYING}
    if "generateName" in made:
        made.pop("name", None)  # its end is random
        made.get("labels", {}).pop("kubernetes.io/metadata.name", None)
    if "managedFields" in made:  # those of one second are in the order of their managers
        made["managedFields"].sort(key=lambda each: (each["manager"], each["operation"], str(each)))
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
