"""KubeSchedulerConfiguration: read, completed, checked. Pure: text in, a frozen value out.

`load` reads `kubescheduler.config.k8s.io/v1` as kube-scheduler 1.36.2 does, and v1beta2 and v1beta3;
`default` is what it runs with when given nothing. The arguments of plugins are in `config.args`, the
in-tree plugins and their extension points in `config.intree`. Knows plugins by name only.
"""

from stowage.framework.config.load import Loaded, default, load
from stowage.framework.config.report import ConfigError, FieldError
from stowage.framework.config.types import (
    EXTENSION_POINTS,
    ClientConnection,
    Configuration,
    Extender,
    ExtenderTLS,
    LeaderElection,
    ManagedResource,
    Plugin,
    Profile,
)

__all__ = [
    "EXTENSION_POINTS",
    "ClientConnection",
    "ConfigError",
    "Configuration",
    "Extender",
    "ExtenderTLS",
    "FieldError",
    "LeaderElection",
    "Loaded",
    "ManagedResource",
    "Plugin",
    "Profile",
    "default",
    "load",
]
