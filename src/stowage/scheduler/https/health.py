"""Health checks by name, told as k8s.io/apiserver tells them (server/healthz), so that probes and people
find what they know. What fails and why is for the log, and for who may ask a check by its name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, exposition

from stowage.scheduler import live
from stowage.scheduler.metering import meters

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    """``failure`` answers empty, or what is wrong. ``alias``: another name for its path."""

    name: str
    failure: Callable[[], str]
    alias: str = ""


PING = Check("ping", lambda: "")


class Results:
    """What checks said when their group was asked, as `/metrics/slis` tells it (component-base's slis)."""

    def __init__(self) -> None:
        self._last: dict[meters.Labels, int] = {}
        book = meters.Book()
        book.gauges(
            "kubernetes_healthcheck",
            "1 where the check passed when it was asked last.",
            ("name", "type"),
            lambda: self._last,
        )
        self._all = book.counters(
            "kubernetes_healthchecks_total",
            "How often the check was asked, by what it said.",
            ("name", "type", "status"),
        )
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(book)
        ProcessCollector(registry=self._registry)

    def count(self, check: str, group: str, well: bool) -> None:
        """A check was asked as one of its group."""
        self._last[check, group] = int(well)
        self._all[check, group, "success" if well else "error"] += 1

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """What there is to tell, and its content type."""
        encode, kind = exposition.choose_encoder(accept)
        return encode(self._registry), kind


@dataclass(frozen=True)
class Group:
    """The checks behind one path, such as `livez`; PING where there are none."""

    name: str
    checks: Sequence[Check]
    results: Results

    def told(self, verbose: bool, excluded: Collection[str]) -> tuple[bool, str]:
        """Whether all is well, and the text that says so."""
        lines, failed = [], []
        for check in self.checks:
            if check.name in excluded:
                lines.append(f"[+]{check.name} excluded: ok")
                continue
            failure = check.failure()
            self.results.count(check.name, self.name, not failure)
            if failure:
                lines.append(f"[-]{check.name} failed: reason withheld")
                failed.append(f"{check.name}: {failure}")
            else:
                lines.append(f"[+]{check.name} ok")
        unknown = sorted(set(excluded) - {check.name for check in self.checks})
        if unknown:
            names = ",".join(f'"{name}"' for name in unknown)
            lines.append(f"warn: some health checks cannot be excluded: no matches for {names}")
        if failed:
            logger.info("Health check failed", extra={"check": self.name, "failed": failed})
            return False, "\n".join([*lines, f"{self.name} check failed\n"])
        return True, "\n".join([*lines, f"{self.name} check passed\n"]) if verbose else "ok"

    def find(self, name: str) -> Check | None:
        """The check of a name or alias."""
        return next((check for check in self.checks if name and name in (check.name, check.alias)), None)


def groups(process: live.Process, results: Results) -> dict[str, Group]:
    """The groups of a scheduler, by name: the checks that kube-scheduler has there."""
    elected = [Check("leaderElection", lambda: _renewed(process), "leader-election")]
    if process.candidate is None:
        elected = []
    ready = [
        *elected,
        Check("shutdown", lambda: "process is shutting down" if process.ending else ""),
        Check("sched-handler-sync", lambda: _synced(process)),
    ]
    return {
        "healthz": Group("healthz", elected or [PING], results),
        "livez": Group("livez", [PING], results),
        "readyz": Group("readyz", ready, results),
    }


def _renewed(process: live.Process) -> str:
    """A leader that can neither renew its Lease nor end is to be restarted."""
    return "failed election to renew leadership on the lease" if process.overdue > live.LATE else ""


def _synced(process: live.Process) -> str:
    """A standby has nothing to know yet: it is as ready as it gets."""
    return "" if process.synced else "handlers are not fully synchronized"
