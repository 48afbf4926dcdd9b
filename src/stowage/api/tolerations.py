"""Whether a toleration tolerates a taint, as kube-scheduler 1.36 sees it.

`Gt` and `Lt` are behind a gate that is off by default, so such a toleration tolerates nothing.
Both structs are hashable and serve as cache keys.
"""

from collections.abc import Collection, Iterable

from stowage.api.objects import Taint, Toleration

NO_SCHEDULE, PREFER_NO_SCHEDULE, NO_EXECUTE = "NoSchedule", "PreferNoSchedule", "NoExecute"


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether one toleration covers `taint`; an empty effect or key covers every one."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator in {"", "Equal"}:
        return toleration.value == taint.value
    return toleration.operator == "Exists"


def tolerates_any(tolerations: Iterable[Toleration], taint: Taint) -> bool:
    """Whether any of `tolerations` covers `taint`."""
    return any(tolerates(toleration, taint) for toleration in tolerations)


def untolerated(
    taints: Iterable[Taint], tolerations: Collection[Toleration], effects: Collection[str]
) -> Taint | None:
    """Return the first taint of one of `effects` that is not tolerated."""
    for taint in taints:
        if taint.effect in effects and not tolerates_any(tolerations, taint):
            return taint
    return None
