"""What kube-scheduler 1.36 demands of plugin arguments, with its texts (apis/config/validation)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from stowage.api import objects
from stowage.framework.config import args, names, report

_STRATEGIES: Final = ("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio")
_DEFAULTING: Final = ("System", "List")
_ACTIONS: Final = ("DoNotSchedule", "ScheduleAnyway")
_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_FIELD_OPERATORS: Final = ("In", "NotIn")


def arguments(value: args.Args, path: str, faults: report.Report) -> None:
    """Reports every fault of a plugin's arguments, which stand at `path`."""
    _CHECKS[type(value)](value, path, faults)


def _default_preemption(value: args.DefaultPreemptionArgs, path: str, faults: report.Report) -> None:
    percentage, absolute = value.min_candidate_nodes_percentage, value.min_candidate_nodes_absolute
    percentage_path = f"{path}.minCandidateNodesPercentage"
    absolute_path = f"{path}.minCandidateNodesAbsolute"
    if not 0 <= percentage <= 100:
        faults.error(percentage_path, report.invalid(percentage, "not in valid range [0, 100]"))
    if absolute < 0:
        faults.error(absolute_path, report.invalid(absolute, "not in valid range [0, inf)"))
    if percentage == absolute == 0:
        both = "cannot be zero at the same time as"
        faults.error(percentage_path, report.invalid(0, f"{both} minCandidateNodesAbsolute"))
        faults.error(absolute_path, report.invalid(0, f"{both} minCandidateNodesPercentage"))


def _inter_pod_affinity(value: args.InterPodAffinityArgs, path: str, faults: report.Report) -> None:
    weight = value.hard_pod_affinity_weight
    if not 0 <= weight <= 100:
        faults.error(f"{path}.hardPodAffinityWeight", report.invalid(weight, "not in valid range [0, 100]"))


def _balanced(value: args.NodeResourcesBalancedAllocationArgs, path: str, faults: report.Report) -> None:
    seen: set[str] = set()
    for index, resource in enumerate(value.resources):
        where = f"{path}.resources[{index}]"
        if resource.name in seen:
            faults.error(f"{where}.name", report.duplicate(resource.name))
        seen.add(resource.name)
        if resource.weight != 1:
            faults.error(f"{where}.weight", report.invalid(resource.weight, "must be 1"))


def _fit(value: args.NodeResourcesFitArgs, path: str, faults: report.Report) -> None:
    for index, name in enumerate(value.ignored_resources):
        _name(name, f"{path}.ignoredResources[{index}]", faults)
    for index, group in enumerate(value.ignored_resource_groups):
        where = f"{path}.ignoredResourceGroups[{index}]"
        if "/" in group:
            faults.error(where, report.invalid(group, "resource group name can't contain '/'"))
        _name(group, where, faults)
    strategy, where = value.scoring_strategy, f"{path}.scoringStrategy"
    if strategy.type not in _STRATEGIES:
        faults.error(f"{where}.type", report.unsupported(strategy.type, _STRATEGIES))
    for index, resource in enumerate(strategy.resources):
        if not 0 < resource.weight <= 100:
            detail = f"resource weight of {resource.name} not in valid range (0, 100]"
            faults.error(f"{where}.resources[{index}].weight", report.invalid(resource.weight, detail))
    ratio, where = strategy.requested_to_capacity_ratio, f"{where}.requestedToCapacityRatio"
    if strategy.type == "RequestedToCapacityRatio":
        if ratio is None:
            faults.error(where, report.required("must be specified when type is RequestedToCapacityRatio"))
        else:
            _shape(ratio.shape, f"{where}.shape", faults)
    elif ratio is not None:
        faults.error(where, report.forbidden("must be nil when type is not RequestedToCapacityRatio"))


def _shape(points: Sequence[args.UtilizationShapePoint], path: str, faults: report.Report) -> None:
    if not points:
        faults.error(path, report.required("at least one point must be specified"))
    for index in range(1, len(points)):
        if points[index - 1].utilization >= points[index].utilization:
            detail = "values must be sorted in increasing order"
            faults.error(f"{path}[{index}].utilization", report.invalid(points[index].utilization, detail))
            break
    for index, point in enumerate(points):
        if not 0 <= point.utilization <= 100:
            detail = "not in valid range [0, 100]"
            faults.error(f"{path}[{index}].utilization", report.invalid(point.utilization, detail))
        if not 0 <= point.score <= 10:
            faults.error(f"{path}[{index}].score", report.invalid(point.score, "not in valid range [0, 10]"))


def _spread(value: args.PodTopologySpreadArgs, path: str, faults: report.Report) -> None:
    kind, constraints = value.defaulting_type, value.default_constraints
    if kind not in _DEFAULTING:
        faults.error(f"{path}.defaultingType", report.unsupported(kind, _DEFAULTING))
    elif kind == "System" and constraints:
        detail = "when .defaultConstraints are not empty"
        faults.error(f"{path}.defaultingType", report.invalid(kind, detail))
    seen: set[tuple[str, str]] = set()
    for index, constraint in enumerate(constraints):
        where = f"{path}.defaultConstraints[{index}]"
        _constraint(constraint, where, faults)
        pair = (constraint.topology_key, constraint.when_unsatisfiable)
        if pair in seen:
            faults.error(where, report.duplicate(f"{{{pair[0]}, {pair[1]}}}"))
        seen.add(pair)


def _constraint(constraint: objects.TopologySpreadConstraint, path: str, faults: report.Report) -> None:
    if constraint.max_skew <= 0 and not faults.blames(f"{path}.maxSkew"):
        faults.error(f"{path}.maxSkew", report.invalid(constraint.max_skew, "not in valid range (0, inf)"))
    if not constraint.topology_key:
        faults.error(f"{path}.topologyKey", report.required("can not be empty"))
    else:
        _name(constraint.topology_key, f"{path}.topologyKey", faults)
    action, where = constraint.when_unsatisfiable, f"{path}.whenUnsatisfiable"
    if not action and not faults.blames(where):
        faults.error(where, report.required("can not be empty"))
    elif action and action not in _ACTIONS:
        faults.error(where, report.unsupported(action, _ACTIONS))
    if constraint.label_selector is not None:
        detail = "constraint must not define a selector, as they deduced for each pod"
        faults.error(f"{path}.labelSelector", report.forbidden(detail))


def _volume_binding(value: args.VolumeBindingArgs, path: str, faults: report.Report) -> None:
    timeout = value.bind_timeout_seconds
    if timeout < 0:
        detail = "invalid BindTimeoutSeconds, should not be a negative value"
        faults.error(f"{path}.bindTimeoutSeconds", report.invalid(timeout, detail))
    if value.shape is not None:
        detail = "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring"
        faults.error(f"{path}.shape", report.invalid(msgspec.to_builtins(value.shape), detail))


def _dynamic_resources(value: args.DynamicResourcesArgs, path: str, faults: report.Report) -> None:
    if value.filter_timeout is not None and value.filter_timeout < 0:
        detail = "must be zero or positive"
        faults.error(f"{path}.filterTimeout", report.invalid(f"{value.filter_timeout:g}s", detail))
    if value.binding_timeout is not None and value.binding_timeout < 1:
        detail = "must be at least 1 second"
        faults.error(f"{path}.bindingTimeout", report.invalid(f"{value.binding_timeout:g}s", detail))


def _node_affinity(value: args.NodeAffinityArgs, path: str, faults: report.Report) -> None:
    if value.added_affinity is None:
        return
    path = f"{path}.addedAffinity"
    required = value.added_affinity.required_during_scheduling_ignored_during_execution
    if required is not None:
        where = f"{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
        for index, term in enumerate(required.node_selector_terms):
            _term(term, f"{where}[{index}]", faults)
    where = f"{path}.preferredDuringSchedulingIgnoredDuringExecution"
    for index, preferred in enumerate(
        value.added_affinity.preferred_during_scheduling_ignored_during_execution
    ):
        if preferred.weight != 0:  # a term without weight is never looked at
            _term(preferred.preference, f"{where}[{index}].preference", faults)


def _term(term: objects.NodeSelectorTerm, path: str, faults: report.Report) -> None:
    for index, requirement in enumerate(term.match_expressions):
        _requirement(requirement, f"{path}.matchExpressions[{index}]", faults)
    for index, requirement in enumerate(term.match_fields):
        where = f"{path}.matchFields[{index}]"
        if requirement.operator not in _FIELD_OPERATORS:
            faults.error(f"{where}.operator", report.unsupported(requirement.operator, _FIELD_OPERATORS))
        elif len(requirement.values) != 1:
            faults.error(f"{where}.values", report.invalid(requirement.values, "must have one element"))


def _requirement(requirement: objects.NodeSelectorRequirement, path: str, faults: report.Report) -> None:
    operator, values = requirement.operator, requirement.values
    if operator not in _OPERATORS:
        faults.error(f"{path}.operator", report.unsupported(operator, _OPERATORS))
        return
    if wrong := names.label_key(requirement.key):
        faults.error(f"{path}.key", report.invalid(requirement.key, "; ".join(wrong)))
    where = f"{path}.values"
    if operator in ("In", "NotIn") and not values:
        detail = "for 'in', 'notin' operators, values set can't be empty"
        faults.error(where, report.invalid(values, detail))
    if operator in ("Exists", "DoesNotExist") and values:
        faults.error(where, report.invalid(values, "values set must be empty for exists and does not exist"))
    if operator in ("Gt", "Lt"):
        if len(values) != 1:
            detail = "for 'Gt', 'Lt' operators, exactly one value is required"
            faults.error(where, report.invalid(values, detail))
        for index, value in enumerate(values):
            if not _is_int64(value):
                detail = "for 'Gt', 'Lt' operators, the value must be an integer"
                faults.error(f"{where}[{index}]", report.invalid(value, detail))
    for index, value in enumerate(values):
        if wrong := names.label_value(value):
            key = f"{where}[{index}][{requirement.key}]"
            faults.error(key, report.invalid(value, "; ".join(wrong)))


def _is_int64(text: str) -> bool:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit() and len(digits) < 1000):
        return False
    return -(2**63) <= int(text) < 2**63


def _name(name: str, path: str, faults: report.Report) -> None:
    for detail in names.label_key(name):
        faults.error(path, report.invalid(name, detail))


_CHECKS: Final[dict[type[args.Args], Callable[[Any, str, report.Report], None]]] = {
    args.DefaultPreemptionArgs: _default_preemption,
    args.DynamicResourcesArgs: _dynamic_resources,
    args.InterPodAffinityArgs: _inter_pod_affinity,
    args.NodeAffinityArgs: _node_affinity,
    args.NodeResourcesBalancedAllocationArgs: _balanced,
    args.NodeResourcesFitArgs: _fit,
    args.PodTopologySpreadArgs: _spread,
    args.VolumeBindingArgs: _volume_binding,
}
