"""DynamicResources, as far as it concerns pods without resource claims; others it keeps out.

Allocation of devices is not here yet: a pod with `resourceClaims` is refused rather than placed
wrongly. For every other pod it says what kube-scheduler's says (framework/plugins/dynamicresources):
nothing, but for its part of the sentence where a pod fits nowhere.
"""

from __future__ import annotations

from typing import ClassVar

from stowage.cluster import pods, table
from stowage.framework import events, interface, overlay, status

UNSUPPORTED = "resource claims are not supported yet"
NOTHING_TO_FREE = "no new claims to deallocate"
NOT_ASKED = "not found"


class DynamicResources(interface.PreFilterPlugin, interface.FilterPlugin, interface.PostFilterPlugin):
    """See the module."""

    name: ClassVar[str] = "DynamicResources"

    def __init__(self, args: object) -> None:
        """Its arguments are timeouts of what is not here."""

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> status.Status:
        """SKIP without claims."""
        return status.unresolvable(UNSUPPORTED) if pod.spec.resource_claims else status.SKIP

    def filter(
        self, state: object, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        """Never asked: `pre_filter` skips it or refuses."""
        return 0

    def explain(self, state: object, cluster: table.Table, code: int) -> status.Status:
        """No code has a meaning."""
        raise NotImplementedError

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """None: nothing that happens gives a pod with claims what is not here."""
        return ()

    def post_filter(self, pod: pods.Incoming, attempt: interface.Attempt) -> interface.PostFiltered:
        """Frees nothing. Where PreFilter ended before it, its state is missing, which is an error."""
        if self.name not in attempt.asked:
            return interface.PostFiltered(status.error(NOT_ASKED))
        return interface.PostFiltered(status.unschedulable(NOTHING_TO_FREE))
