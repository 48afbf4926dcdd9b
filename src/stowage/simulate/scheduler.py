"""An engine from a KubeSchedulerConfiguration, as `--config`, `--seed` and `--percentage` ask for it."""

from __future__ import annotations

from stowage.cluster import table
from stowage.engine import cycle
from stowage.framework import config, profile, registry
from stowage.framework.config import intree
from stowage.simulate import inputs, problems

MAX_CONFIG = 16 << 20
"""Bytes of a configuration; the largest sensible one has a few thousand."""


def configuration(path: str | None, faults: problems.Faults) -> config.Configuration:
    """The configuration in a file, or the default. BadInput where it cannot be used."""
    if path is None:
        return config.default()
    text = inputs.read(path, MAX_CONFIG, faults)
    if text is None:
        raise problems.BadInput(faults.problems[-1:])
    try:
        known = {
            name: registry.points(registry.find(name)) for name in registry.names() - intree.POINTS.keys()
        }
        loaded = config.load(text, source=path, known=known)
    except (config.ConfigError, registry.RegistryError) as error:
        raise problems.BadInput(str(error).splitlines()) from None
    for warning in loaded.warnings:
        faults.warn(f"{path}: {warning}")
    if loaded.config.extenders:
        faults.warn(f"{path}: extenders: not asked in a simulation")
    return loaded.config


def engine(
    cluster: table.Table, written: config.Configuration, *, seed: int, percentage: int | None
) -> cycle.Engine:
    """The engine. Every node is looked at unless ``percentage`` or the configuration says how many.

    BadInput where a plugin cannot be made.
    """
    try:
        profiles = [profile.Profile(each) for each in written.profiles]
    except registry.RegistryError as error:
        raise problems.BadInput([str(error)]) from None
    if percentage is None:
        percentage = written.percentage_of_nodes_to_score or None
    else:
        for each in profiles:
            each.percentage = None
    return cycle.Engine(cluster, profiles, seed=seed, percentage=percentage)
