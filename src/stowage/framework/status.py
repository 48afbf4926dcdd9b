"""Status: what an extension point answers. Data, not exceptions; reasons are kube-scheduler's text."""

from __future__ import annotations

import enum
import functools
from collections.abc import Mapping
from dataclasses import dataclass


class Code(enum.IntEnum):
    """kube-scheduler's status codes; the values are its own (framework/interface.go)."""

    SUCCESS = 0
    ERROR = 1
    UNSCHEDULABLE = 2
    UNSCHEDULABLE_AND_UNRESOLVABLE = 3
    WAIT = 4
    SKIP = 5
    PENDING = 6

    @functools.cached_property
    def label(self) -> str:
        """As kube-scheduler prints it: `UnschedulableAndUnresolvable`."""
        return "".join(word.capitalize() for word in self.name.split("_"))


@dataclass(frozen=True, slots=True)
class Status:
    """A code, the reasons a person reads, and the plugin that said so (the engine fills it in)."""

    code: Code
    reasons: tuple[str, ...] = ()
    plugin: str = ""

    @property
    def rejected(self) -> bool:
        """Unschedulable in one of its forms: an answer, not a failure."""
        return self.code in (Code.UNSCHEDULABLE, Code.UNSCHEDULABLE_AND_UNRESOLVABLE, Code.PENDING)

    @property
    def message(self) -> str:
        """The reasons in one line."""
        return ", ".join(self.reasons)


SUCCESS = Status(Code.SUCCESS)
SKIP = Status(Code.SKIP)
WAIT = Status(Code.WAIT)


def unschedulable(*reasons: str) -> Status:
    """Not here as things are; evicting pods may help."""
    return Status(Code.UNSCHEDULABLE, reasons)


def unresolvable(*reasons: str) -> Status:
    """Not here, and evicting pods will not help."""
    return Status(Code.UNSCHEDULABLE_AND_UNRESOLVABLE, reasons)


def error(*reasons: str) -> Status:
    """Something that must not happen did; the pod is tried again."""
    return Status(Code.ERROR, reasons)


def label(found: Status | None) -> str:
    """Of what a plugin answered, as kube-scheduler prints it; None is success."""
    return SUCCESS.code.label if found is None else found.code.label


def unavailable(nodes: int, reasons: Mapping[str, int]) -> str:
    """The sentence for a pod that fits none of ``nodes``; ``reasons``: how many nodes gave each.

    As FitError.Error (framework/types.go): counts and reasons sorted as text.
    """
    told = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
    return f"0/{nodes} nodes are available:" + (f" {told}." if told else "")
