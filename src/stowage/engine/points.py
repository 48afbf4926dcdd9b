"""The extension points that follow the choice of a node: Reserve, Permit, PreBind, Bind, PostBind.

Rules: framework/runtime/framework.go. What a plugin says is returned under its name. Unreserve and PostBind
cannot say anything: what is raised there is logged, and undoes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from stowage.cluster import pods
from stowage.engine import measures
from stowage.framework import interface, profile, status

logger = logging.getLogger(__name__)

LONGEST_WAIT = 900.0
"""Seconds for which a Permit plugin may make a pod wait at most."""


class Points:
    """Those of the profiles, by the pod's scheduler name; ``context`` is handed to every plugin."""

    def __init__(self, profiles: Mapping[str, profile.Profile], context: interface.BindContext) -> None:
        self._profiles = profiles
        self.context = context

    def reserve(
        self, pod: pods.Incoming, node: str, timer: measures.Timer | None = None
    ) -> tuple[status.Status | None, dict[str, float]]:
        """Runs Reserve and Permit: why they refuse, or None and the plugins that want the pod to wait, each
        with how many seconds at most."""
        chain = self._profiles[pod.spec.scheduler_name]
        for reserver in chain.reserve:
            refused = reserver.reserve(pod, node, self.context)
            if timer:
                timer.ran(reserver.name, "Reserve", status.label(refused))
            if refused is not None:
                return status.Status(refused.code, refused.reasons, reserver.name), {}
        if timer:
            timer.lap("Reserve")
        waits = {}
        for permitter in chain.permit:
            answer, seconds = permitter.permit(pod, node, self.context)
            if timer:
                timer.ran(permitter.name, "Permit", status.label(answer))
            if answer is None:
                continue
            if answer.code is not status.Code.WAIT:
                return status.Status(answer.code, answer.reasons, permitter.name), {}
            waits[permitter.name] = min(seconds, LONGEST_WAIT)
        if timer:
            timer.lap("Permit")
        return None, waits

    def unreserve(self, pod: pods.Incoming, node: str) -> None:
        """Runs Unreserve, in reverse order; the pod's place is the caller's business."""
        for plugin in reversed(self._profiles[pod.spec.scheduler_name].reserve):
            try:
                plugin.unreserve(pod, node, self.context)
            except Exception:  # the others are to give back what they have all the same
                logger.exception("Unreserve failed", extra={"pod": pod.key, "plugin": plugin.name})

    def preparers(self, pod: pods.Incoming, node: str) -> list[interface.PreBindPlugin]:
        """The PreBind plugins that have something to do, for `prepare`."""
        chain = self._profiles[pod.spec.scheduler_name]
        return [each for each in chain.pre_bind if each.has_work(pod, node, self.context)]

    def prepare(
        self, pod: pods.Incoming, node: str, preparer: interface.PreBindPlugin
    ) -> status.Status | None:
        """Runs one PreBind plugin."""
        refused = preparer.pre_bind(pod, node, self.context)
        return None if refused is None else status.Status(refused.code, refused.reasons, preparer.name)

    def bind(self, pod: pods.Incoming, node: str) -> status.Status:
        """Runs Bind, as far as the first plugin that does not skip."""
        for binder in self._profiles[pod.spec.scheduler_name].bind:
            answer = binder.bind(pod, node, self.context)
            if answer is None:
                return status.Status(status.Code.SUCCESS, (), binder.name)
            if answer.code is not status.Code.SKIP:
                return status.Status(answer.code, answer.reasons, binder.name)
        return status.SKIP

    def bound(self, pod: pods.Incoming, node: str) -> None:
        """Runs PostBind."""
        for told in self._profiles[pod.spec.scheduler_name].post_bind:
            try:
                told.post_bind(pod, node, self.context)
            except Exception:  # the pod is bound, whatever is made of it
                logger.exception("PostBind failed", extra={"pod": pod.key, "plugin": told.name})
