"""What kube-scheduler 1.36 demands of a configuration, with its texts (apis/config/validation)."""

from __future__ import annotations

from collections.abc import Sequence

from stowage.framework.config import expand, names, report, types


def configuration(config: types.Configuration, faults: report.Report) -> None:
    """Reports every fault outside of plugins and their arguments."""
    burst = config.client_connection.burst
    if burst < 0:
        faults.error("clientConnection.burst", report.invalid(burst, "must be non-negative"))
    _leader_election(config.leader_election, faults)
    if config.parallelism <= 0:
        detail = "should be an integer value greater than zero"
        faults.error("parallelism", report.invalid(config.parallelism, detail))
    seen: set[str] = set()
    for index, profile in enumerate(config.profiles):
        path = f"profiles[{index}]"
        if not profile.scheduler_name:
            faults.error(f"{path}.schedulerName", report.required())
        if profile.scheduler_name in seen:
            faults.error(f"{path}.schedulerName", report.duplicate(profile.scheduler_name))
        seen.add(profile.scheduler_name)
        _percentage(profile.percentage_of_nodes_to_score, f"{path}.percentageOfNodesToScore", faults)
    _percentage(config.percentage_of_nodes_to_score, "percentageOfNodesToScore", faults)
    first, longest = config.pod_initial_backoff_seconds, config.pod_max_backoff_seconds
    if first <= 0:
        faults.error("podInitialBackoffSeconds", report.invalid(first, "must be greater than 0"))
    if longest < first:
        detail = "must be greater than or equal to PodInitialBackoffSeconds"
        faults.error("podMaxBackoffSeconds", report.invalid(longest, detail))
    _extenders(config.extenders, faults)


def _percentage(value: int | None, path: str, faults: report.Report) -> None:
    if value is not None and not 0 <= value <= 100:
        faults.error(path, report.invalid(value, "not in valid range [0-100]"))


def _leader_election(election: types.LeaderElection, faults: report.Report) -> None:
    if not election.leader_elect:
        return
    for name, value in (
        ("leaseDuration", election.lease_duration),
        ("renewDeadline", election.renew_deadline),
        ("retryPeriod", election.retry_period),
    ):
        if value <= 0:
            faults.error(f"leaderElection.{name}", report.invalid(f"{value:g}s", "must be greater than zero"))
    if election.lease_duration <= election.renew_deadline:
        detail = "must be greater than `RenewDeadline`"
        faults.error("leaderElection.leaseDuration", report.invalid(f"{election.lease_duration:g}s", detail))
    if election.resource_lock != "leases":
        detail = 'resourceLock value must be "leases"'
        faults.error("leaderElection.resourceLock", report.invalid(election.resource_lock, detail))


def _extenders(extenders: Sequence[types.Extender], faults: report.Report) -> None:
    seen: set[str] = set()
    for index, extender in enumerate(extenders):
        path = f"extenders[{index}]"
        if extender.prioritize_verb and extender.weight <= 0:
            detail = "must have a positive weight applied to it"
            faults.error(f"{path}.weight", report.invalid(extender.weight, detail))
        for each, resource in enumerate(extender.managed_resources):
            where = f"{path}.managedResources[{each}].name"
            for detail in names.extended_resource(resource.name):
                faults.error(where, report.invalid(resource.name, detail))
            if resource.name in seen:
                detail = "duplicate extender managed resource name"
                faults.error(where, report.invalid(resource.name, detail))
            seen.add(resource.name)
    binders = sum(1 for extender in extenders if extender.bind_verb)
    if binders > 1:
        value = f"found {binders} extenders implementing bind"
        faults.error("extenders", report.invalid(value, "only one extender can implement bind"))


def common_queue_sort(
    profiles: Sequence[types.Profile],
    sorts: Sequence[expand.Set],
    written: Sequence[types.WrittenProfile],
    faults: report.Report,
) -> None:
    """There is one queue, so all profiles sort alike. `sorts`: each profile's own queueSort set.

    Kubernetes compares the sets as written; two that come to the same are readable all the same.
    """
    first = profiles[0]
    name = first.plugins["queueSort"][0].name if first.plugins["queueSort"] else ""
    for index, (profile, own) in enumerate(zip(profiles, sorts, strict=True)):
        path = f"profiles[{index}]"
        if profile.plugins["queueSort"] != first.plugins["queueSort"]:
            value = [plugin.name for plugin in profile.plugins["queueSort"]]
            faults.error(
                f"{path}.plugins.queueSort", report.invalid(value, "must be the same for all profiles")
            )
        elif _written(own) != _written(sorts[0]):
            value = [entry.name for entry in own.enabled]
            detail = "must be written the same in all profiles; it comes to the same plugin"
            faults.fault(f"{path}.plugins.queueSort", report.invalid(value, detail), "accepted")
        args = _args(written[index], name)
        if args != _args(written[0], name):
            detail = "the arguments of the queueSort plugin must be the same for all profiles"
            faults.error(f"{path}.pluginConfig", report.invalid(args, detail))


def _args(profile: types.WrittenProfile, name: str) -> object:
    return next((each.args for each in profile.plugin_config if each.name == name), None)


def _written(own: expand.Set) -> tuple[tuple[tuple[str, int], ...], frozenset[str]]:
    return tuple((entry.name, entry.weight) for entry in own.enabled), own.disabled
