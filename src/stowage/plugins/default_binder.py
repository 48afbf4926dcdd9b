"""DefaultBinder: writes the binding.

Rules: framework/plugins/defaultbinder/default_binder.go.
"""

from __future__ import annotations

from typing import ClassVar

from stowage.cluster import pods
from stowage.framework import interface, status


class DefaultBinder(interface.BindPlugin):
    """See the module."""

    name: ClassVar[str] = "DefaultBinder"

    def bind(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> status.Status | None:
        """Binds through the context's binder."""
        return context.binder.bind(pod, node)
