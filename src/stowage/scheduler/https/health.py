"""Health checks by name, told as k8s.io/apiserver tells them (server/healthz), so that probes and people
find what they know. What fails and why is for the log, and for who may ask a check by its name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from stowage.scheduler import live

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    """``failure`` answers empty, or what is wrong. ``alias``: another name for its path."""

    name: str
    failure: Callable[[], str]
    alias: str = ""


PING = Check("ping", lambda: "")


@dataclass(frozen=True)
class Group:
    """The checks behind one path, such as `livez`; PING where there are none."""

    name: str
    checks: Sequence[Check]

    def told(self, verbose: bool, excluded: Collection[str]) -> tuple[bool, str]:
        """Whether all is well, and the text that says so."""
        lines, failed = [], []
        for check in self.checks:
            if check.name in excluded:
                lines.append(f"[+]{check.name} excluded: ok")
            elif failure := check.failure():
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


def groups(process: live.Process) -> dict[str, Group]:
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
        "healthz": Group("healthz", elected or [PING]),
        "livez": Group("livez", [PING]),
        "readyz": Group("readyz", ready),
    }


def _renewed(process: live.Process) -> str:
    """A leader that can neither renew its Lease nor end is to be restarted."""
    return "failed election to renew leadership on the lease" if process.overdue > live.LATE else ""


def _synced(process: live.Process) -> str:
    """A standby has nothing to know yet: it is as ready as it gets."""
    return "" if process.synced else "handlers are not fully synchronized"
