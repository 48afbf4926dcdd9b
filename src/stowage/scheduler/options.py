"""How a scheduler process is asked to run: its flags, and the configuration that they and a file amount to.

A flag wins over the file, with a warning where they differ.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from stowage.framework import config, registry
from stowage.framework.config import intree, report, validate
from stowage.scheduler import flags
from stowage.scheduler.https import access
from stowage.scheduler.queueing import queue

logger = logging.getLogger(__name__)

S = TypeVar("S", bound=msgspec.Struct)

PORT: Final = 10259
"""Where kube-scheduler answers."""


@dataclasses.dataclass(frozen=True)
class Options:
    """The flags as given; None for one that was not. Durations are seconds.

    ``strict``: what a configuration has that needs a benevolent reading is an error. ``without_effect``: the
    flags that were given and decide nothing, by name.
    """

    config: Path | None = None
    write_config_to: Path | None = None
    strict: bool = False
    kubeconfig: str | None = None
    master: str = ""
    authentication_kubeconfig: str | None = None
    authorization_kubeconfig: str | None = None
    authorization_always_allow_paths: tuple[str, ...] = access.OPEN_PATHS
    authentication_token_webhook_cache_ttl: float = access.TTL
    authorization_webhook_cache_authorized_ttl: float = access.TTL
    authorization_webhook_cache_unauthorized_ttl: float = access.TTL
    bind_address: str = "127.0.0.1"
    secure_port: int = PORT
    """0: nothing is served."""
    tls_cert_file: Path | None = None
    tls_private_key_file: Path | None = None
    tls_min_version: str = ""
    tls_cipher_suites: tuple[str, ...] = ()
    leader_elect: bool | None = None
    leader_elect_lease_duration: float | None = None
    leader_elect_renew_deadline: float | None = None
    leader_elect_retry_period: float | None = None
    leader_elect_resource_lock: str | None = None
    leader_elect_resource_name: str | None = None
    leader_elect_resource_namespace: str | None = None
    kube_api_qps: float | None = None
    kube_api_burst: int | None = None
    pod_max_in_unschedulable_pods_duration: float = queue.MAX_WAIT
    low_memory: bool = False
    v: int = 0
    vmodule: str = ""
    without_effect: tuple[str, ...] = ()

    @property
    def lifetimes(self) -> access.Lifetimes:
        """How long answers to reviews count."""
        return access.Lifetimes(
            self.authentication_token_webhook_cache_ttl,
            self.authorization_webhook_cache_authorized_ttl,
            self.authorization_webhook_cache_unauthorized_ttl,
        )


_ELECTION: Final = {
    "leader_elect": "leader_elect",
    "leader_elect_lease_duration": "lease_duration",
    "leader_elect_renew_deadline": "renew_deadline",
    "leader_elect_retry_period": "retry_period",
    "leader_elect_resource_lock": "resource_lock",
    "leader_elect_resource_name": "resource_name",
    "leader_elect_resource_namespace": "resource_namespace",
}
_CONNECTION: Final = {"kubeconfig": "kubeconfig", "kube_api_qps": "qps", "kube_api_burst": "burst"}


def configuration(options: Options) -> config.Configuration:
    """What the file, or the default, and the flags amount to. OSError, UnicodeDecodeError, ConfigError."""
    for flag in options.without_effect:
        why = flags.WITHOUT_EFFECT[flag]
        logger.warning("A flag is without effect", extra={"flag": _written(flag), "why": why})
    written = config.default() if options.config is None else _loaded(options.config, options.strict)
    from_file = options.config is not None
    written = dataclasses.replace(
        written,
        client_connection=_with(options, _CONNECTION, written.client_connection, from_file),
        leader_election=_with(options, _ELECTION, written.leader_election, from_file),
    )
    faults = report.Report(strict=True)
    validate.configuration(written, faults)
    if faults.errors:
        raise config.ConfigError(faults.errors, "the configuration with the flags")
    return written


def _loaded(path: Path, strict: bool) -> config.Configuration:
    known = {name: registry.points(registry.find(name)) for name in registry.names() - intree.POINTS.keys()}
    loaded = config.load(path.read_text(), source=str(path), strict=strict, known=known)
    for warning in loaded.warnings:
        logger.warning("Configuration", extra={"warning": str(warning)})
    return loaded.config


def _with(options: Options, fields: Mapping[str, str], value: S, from_file: bool) -> S:
    """A part of the configuration with what flags say of it."""
    changed: dict[str, Any] = {}
    for flag, field in fields.items():
        given = getattr(options, flag)
        if given is not None and given != getattr(value, field):
            changed[field] = given
            if from_file and getattr(value, field) != "":  # a file without a kubeconfig has none to lose
                logger.warning("A flag wins over the configuration", extra={"flag": _written(flag)})
    return msgspec.structs.replace(value, **changed)


def _written(flag: str) -> str:
    return "--" + flag.replace("_", "-")
