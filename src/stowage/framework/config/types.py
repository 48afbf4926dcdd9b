"""The configuration as the scheduler uses it: complete, expanded, checked; and as it is written.

Defaults and meaning are kube-scheduler 1.36's. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from stowage.framework.config.args import Duration, Int32, Int64

EXTENSION_POINTS: Final = (
    "queueSort",
    "preEnqueue",
    "preFilter",
    "filter",
    "postFilter",
    "preScore",
    "score",
    "reserve",
    "permit",
    "preBind",
    "bind",
    "postBind",
    "placementGenerate",
    "placementScore",
)


class Plugin(NamedTuple):
    """A plugin at an extension point. `weight` counts at `score` and `placementScore`; 0 elsewhere."""

    name: str
    weight: int = 0


class PluginSet(NamedTuple):
    """What a profile enables and disables at one extension point, or at `multiPoint`, defaults included."""

    enabled: tuple[Plugin, ...]
    disabled: tuple[str, ...]


class LeaderElection(msgspec.Struct, frozen=True, rename="camel"):
    """Who of several schedulers acts. The times are Kubernetes' compromise: a dead leader is replaced
    within `lease_duration` (15 s), a live one has `renew_deadline` (10 s) to renew, trying every
    `retry_period` (2 s). The Lease is `resource_namespace`/`resource_name`, where no name is written
    kube-scheduler's own if a profile is `default-scheduler`, so that only one of the two acts, and else
    `stowage`; `leases` is the only lock."""

    leader_elect: bool = True
    lease_duration: Duration = 15.0
    renew_deadline: Duration = 10.0
    retry_period: Duration = 2.0
    resource_lock: str = "leases"
    resource_name: str = ""
    resource_namespace: str = "kube-system"


class ClientConnection(msgspec.Struct, frozen=True, rename="camel"):
    """The API server's client. `qps`: requests a second, default 50; `burst`: requests at once, default
    100 (every placed pod is one request). `kubeconfig`: a path, empty for the usual search. The content
    types are read and without effect: this client speaks JSON."""

    kubeconfig: str = ""
    accept_content_types: str = ""
    content_type: str = "application/vnd.kubernetes.protobuf"
    qps: float = 50.0
    burst: Int32 = 100


class ManagedResource(msgspec.Struct, frozen=True, rename="camel"):
    """An extended resource of an extender; `ignored_by_scheduler`: NodeResourcesFit leaves it alone."""

    name: str = ""
    ignored_by_scheduler: bool = False


class ExtenderTLS(msgspec.Struct, frozen=True, rename="camel"):
    """Files are paths, data is PEM and goes before files. `insecure`: no verification, default false."""

    insecure: bool = False
    server_name: str = ""
    cert_file: str = ""
    key_file: str = ""
    ca_file: str = ""
    cert_data: bytes = b""
    key_data: bytes = b""
    ca_data: bytes = b""


class Extender(msgspec.Struct, frozen=True, rename="camel"):
    """An HTTP service that has a say in placing. An empty verb is a question it is not asked.

    `weight` multiplies its scores and must be positive if it prioritises. `http_timeout`: seconds, 0
    for the default of 5. `ignorable`: a failing call does not fail the pod, default false.
    `node_cache_capable`: it knows the nodes, so names are sent, default false. A pod is sent where it
    asks for one of `managed_resources`, or always where there are none.
    """

    url_prefix: str = ""
    filter_verb: str = ""
    preempt_verb: str = ""
    prioritize_verb: str = ""
    weight: Int64 = 0
    bind_verb: str = ""
    enable_https: bool = msgspec.field(default=False, name="enableHTTPS")
    tls_config: ExtenderTLS | None = None
    http_timeout: Duration = 0.0
    node_cache_capable: bool = False
    managed_resources: tuple[ManagedResource, ...] = ()
    ignorable: bool = False


@dataclass(frozen=True)
class Profile:
    """One scheduler name and how its pods are placed.

    `plugins`: extension point to plugins in the order they run, every point of EXTENSION_POINTS.
    `plugin_config`: plugin name to its arguments; typed (`config.args`) for in-tree plugins, the
    plain object as written for others. `percentage_of_nodes_to_score`: percent, None for the
    configuration's. `sets`: what `plugins` was made of.
    """

    scheduler_name: str
    plugins: Mapping[str, tuple[Plugin, ...]]
    plugin_config: Mapping[str, object] = field(default_factory=dict)
    percentage_of_nodes_to_score: int | None = None
    sets: Mapping[str, PluginSet] = field(default_factory=dict)


@dataclass(frozen=True)
class Configuration:
    """A whole KubeSchedulerConfiguration.

    `parallelism`: Go routines in kube-scheduler, default 16; validated, without effect on arrays.
    `percentage_of_nodes_to_score`: how much of the cluster is looked at before a choice, percent,
    default 0, which is adaptive (50 - nodes/125, at least 5).
    `pod_initial_backoff_seconds` 1 and `pod_max_backoff_seconds` 10: the pause after a failed attempt
    doubles from the first to the second. `delay_cache_until_active`: a standby watches nothing until
    it leads, less memory against a slower takeover, default false.
    `enable_profiling` and `enable_contention_profiling`: default true, as in kube-scheduler.
    """

    profiles: tuple[Profile, ...]
    api_version: str = "kubescheduler.config.k8s.io/v1"
    parallelism: int = 16
    leader_election: LeaderElection = LeaderElection()
    client_connection: ClientConnection = ClientConnection()
    enable_profiling: bool = True
    enable_contention_profiling: bool = True
    percentage_of_nodes_to_score: int = 0
    pod_initial_backoff_seconds: int = 1
    pod_max_backoff_seconds: int = 10
    extenders: tuple[Extender, ...] = ()
    delay_cache_until_active: bool = False


# As written: what YAML holds before defaults and expansion.


class WrittenPlugin(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    weight: Int32 | None = None


class WrittenPluginSet(msgspec.Struct, frozen=True, rename="camel"):
    enabled: tuple[WrittenPlugin, ...] = ()
    disabled: tuple[WrittenPlugin, ...] = ()


class WrittenPlugins(msgspec.Struct, frozen=True, rename="camel"):
    multi_point: WrittenPluginSet = WrittenPluginSet()
    queue_sort: WrittenPluginSet = WrittenPluginSet()
    pre_enqueue: WrittenPluginSet = WrittenPluginSet()
    pre_filter: WrittenPluginSet = WrittenPluginSet()
    filter: WrittenPluginSet = WrittenPluginSet()
    post_filter: WrittenPluginSet = WrittenPluginSet()
    pre_score: WrittenPluginSet = WrittenPluginSet()
    score: WrittenPluginSet = WrittenPluginSet()
    reserve: WrittenPluginSet = WrittenPluginSet()
    permit: WrittenPluginSet = WrittenPluginSet()
    pre_bind: WrittenPluginSet = WrittenPluginSet()
    bind: WrittenPluginSet = WrittenPluginSet()
    post_bind: WrittenPluginSet = WrittenPluginSet()
    placement_generate: WrittenPluginSet = WrittenPluginSet()
    placement_score: WrittenPluginSet = WrittenPluginSet()


class WrittenPluginConfig(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    args: Any = None


class WrittenProfile(msgspec.Struct, frozen=True, rename="camel"):
    scheduler_name: str | None = None
    percentage_of_nodes_to_score: Int32 | None = None
    plugins: WrittenPlugins = WrittenPlugins()
    plugin_config: tuple[WrittenPluginConfig, ...] = ()


class WrittenConfiguration(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str = ""
    kind: str = ""
    parallelism: Int32 = 16
    leader_election: LeaderElection = LeaderElection()
    client_connection: ClientConnection = ClientConnection()
    enable_profiling: bool = True
    enable_contention_profiling: bool | None = None
    percentage_of_nodes_to_score: Int32 = 0
    pod_initial_backoff_seconds: Int64 = 1
    pod_max_backoff_seconds: Int64 = 10
    profiles: tuple[WrittenProfile, ...] = ()
    extenders: tuple[Extender, ...] = ()
    delay_cache_until_active: bool = False
