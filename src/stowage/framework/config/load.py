"""Text to a complete, checked configuration: decode, default, expand, validate.

Refuses what kube-scheduler 1.36 refuses, with all errors at once. Where a refused text has one
sensible reading it is read that way, with a warning, unless `strict`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from stowage.api import yamltext
from stowage.framework.config import args as arguments
from stowage.framework.config import decode, expand, intree, legacy, report, types, validate, validate_args

_KIND: Final = "KubeSchedulerConfiguration"
_THEIRS: Final = "default-scheduler"
_THEIR_LEASE: Final = "kube-scheduler"
_OUR_LEASE: Final = "stowage"
_TYPE_META: Final = frozenset({"apiVersion", "kind"})
_NEEDED: Final = {
    "NodeUnschedulable": "pods will be placed on cordoned nodes",
    "NodePorts": "pods will be placed where their host ports are taken",
}

_S = TypeVar("_S", bound=msgspec.Struct)


@dataclass(frozen=True)
class Loaded:
    """`warnings`: sentences, each beginning with the path of the field it is about."""

    config: types.Configuration
    warnings: tuple[str, ...]


def load(
    text: str | bytes,
    *,
    source: str = "",
    strict: bool = False,
    known: Mapping[str, frozenset[str]] | None = None,
) -> Loaded:
    """The configuration in `text`; ConfigError, with every fault, where it cannot be used.

    `source` names the text in the error. `known`: out-of-tree plugins by name, with the extension
    points each implements, beside those of `intree.POINTS`.
    """
    faults = report.Report(strict)
    document = _document(text, source, faults)
    decoder = decode.Decoder(faults, lambda path, _: _gone(path, faults))
    written = decoder.struct(types.WrittenConfiguration, document, "")
    config = _complete(written, _Profiles(decoder, faults, written, {**intree.POINTS, **(known or {})}))
    validate.configuration(config, faults)
    if faults.errors:
        raise report.ConfigError(faults.errors, source)
    return Loaded(config, tuple(faults.warnings))


def default() -> types.Configuration:
    """The configuration of a kube-scheduler that is given none."""
    return load(f"apiVersion: {legacy.VERSION}\nkind: {_KIND}\n", strict=True).config


def _document(text: str | bytes, source: str, faults: report.Report) -> dict[str, Any]:
    """The mapping of `text`, whose kind and version are right."""
    try:
        documents = yamltext.parse_yaml(text)
    except yamltext.YamlError as error:
        raise report.ConfigError([report.FieldError("", str(error))], source) from None
    first = documents[0] if documents else None
    if not isinstance(first, dict):
        what = "the text is empty" if first is None else "the text is not an object"
        raise report.ConfigError([report.FieldError("", f"{what}; a {_KIND} is expected")], source)
    if len(documents) > 1:
        faults.warning("", f"the text has {len(documents)} documents; only the first is read")
    _check_kind(first.get("kind"), first.get("apiVersion"), faults)
    if faults.errors:
        raise report.ConfigError(faults.errors, source)
    return first


def _check_kind(kind: object, version: object, faults: report.Report) -> None:
    if kind is None:
        faults.error("kind", report.required(f"must be {_KIND}"))
    elif kind != _KIND:
        faults.error("kind", f"{report.unsupported(kind, [_KIND])} ({legacy.kind(str(kind))})")
    elif version is None:
        faults.error("apiVersion", report.required(f"must be {legacy.VERSION}"))
    elif isinstance(version, str) and version in legacy.OLD_VERSIONS:
        faults.warning("apiVersion", legacy.OLD_VERSIONS[version])
    elif version != legacy.VERSION:
        supported = [legacy.VERSION, *legacy.OLD_VERSIONS]
        faults.error("apiVersion", report.unsupported(version, supported))


def _gone(path: str, faults: report.Report) -> bool:
    became = legacy.field(path)
    if became is not None:
        faults.fault(path, f"unknown field: {became}", "ignored")
    return became is not None


def _complete(written: types.WrittenConfiguration, profiles: _Profiles) -> types.Configuration:
    contention = written.enable_contention_profiling
    read = profiles.read()
    election = _zero_is_default(written.leader_election)
    if not election.resource_name:
        theirs = any(profile.scheduler_name == _THEIRS for profile in read)
        election = msgspec.structs.replace(election, resource_name=_THEIR_LEASE if theirs else _OUR_LEASE)
    return types.Configuration(
        profiles=read,
        api_version=written.api_version,
        parallelism=written.parallelism,
        leader_election=election,
        client_connection=_zero_is_default(written.client_connection),
        enable_profiling=written.enable_profiling,
        enable_contention_profiling=written.enable_profiling if contention is None else contention,
        percentage_of_nodes_to_score=written.percentage_of_nodes_to_score,
        pod_initial_backoff_seconds=written.pod_initial_backoff_seconds,
        pod_max_backoff_seconds=written.pod_max_backoff_seconds,
        extenders=written.extenders,
        delay_cache_until_active=written.delay_cache_until_active,
    )


def _zero_is_default(value: _S) -> _S:
    """In these structs Kubernetes cannot tell 0 or empty text from absent."""
    defaults = type(value)()
    zeros = {
        name: getattr(defaults, name)
        for name in value.__struct_fields__
        if getattr(value, name) in (0, "") and getattr(value, name) is not False
    }
    return msgspec.structs.replace(value, **zeros)


class _Profiles:
    """Reads the profiles of one configuration."""

    def __init__(
        self,
        decoder: decode.Decoder,
        faults: report.Report,
        written: types.WrittenConfiguration,
        catalog: expand.Catalog,
    ) -> None:
        self._decoder = decoder
        self._faults = faults
        self._written = written
        self._catalog = catalog

    def read(self) -> tuple[types.Profile, ...]:
        written = self._written.profiles or (types.WrittenProfile(),)
        sets = [
            expand.merged(profile.plugins, f"profiles[{index}].plugins", self._catalog, self._faults)
            for index, profile in enumerate(written)
        ]
        profiles = tuple(
            self._profile(profile, own, f"profiles[{index}]", alone=len(written) == 1)
            for index, (profile, own) in enumerate(zip(written, sets, strict=True))
        )
        validate.common_queue_sort(profiles, [own["queueSort"] for own in sets], written, self._faults)
        return profiles

    def _profile(
        self, written: types.WrittenProfile, sets: Mapping[str, expand.Set], path: str, *, alone: bool
    ) -> types.Profile:
        name = written.scheduler_name
        if name is None:
            name = _THEIRS if alone else ""
        self._disabled(written.plugins, f"{path}.plugins")
        needed = expand.needed(sets)
        return types.Profile(
            scheduler_name=name,
            plugins=expand.expand(sets, self._catalog, path, self._faults),
            plugin_config=self._plugin_config(written.plugin_config, needed, f"{path}.pluginConfig"),
            percentage_of_nodes_to_score=written.percentage_of_nodes_to_score,
            sets={point: each.plain() for point, each in sets.items()},
        )

    def _disabled(self, plugins: types.WrittenPlugins, path: str) -> None:
        """Disabling what does not exist is no error in Kubernetes, but hardly what was meant."""
        for field in msgspec.structs.fields(plugins):
            own: types.WrittenPluginSet = getattr(plugins, field.name)
            enabled = {plugin.name for plugin in own.enabled}
            for index, plugin in enumerate(own.disabled):
                where = f"{path}.{field.encode_name}.disabled[{index}].name"
                if plugin.name in legacy.PLUGINS and plugin.name not in self._catalog:
                    message = f"without effect: {plugin.name} is {legacy.PLUGINS[plugin.name]}"
                    self._faults.warning(where, message)
                elif plugin.name != "*" and plugin.name not in self._catalog:
                    shown = report.show(plugin.name)
                    self._faults.warning(where, f"without effect: no plugin {shown} is registered")
                elif plugin.name in _NEEDED.keys() - enabled and field.name in ("filter", "multi_point"):
                    self._faults.warning(where, f"without {plugin.name} {_NEEDED[plugin.name]}")

    def _plugin_config(
        self, written: Sequence[types.WrittenPluginConfig], needed: frozenset[str], path: str
    ) -> dict[str, object]:
        configs: dict[str, object] = {}
        seen: set[str] = set()
        for index, each in enumerate(written):
            where = f"{path}[{index}]"
            if each.name in seen:
                self._faults.error(where, report.duplicate(each.name))
            seen.add(each.name)
            if each.name in arguments.TYPES:
                configs[each.name] = self._arguments(each, each.name in needed, f"{where}.args")
            elif each.name in legacy.PLUGINS and each.name not in self._catalog:
                gone = report.not_found(each.name, legacy.PLUGINS[each.name])
                self._faults.fault(f"{where}.name", gone, "ignored")
            elif each.name not in self._catalog:
                shown = report.show(each.name)
                self._faults.warning(f"{where}.name", f"ignored: no plugin {shown} is registered")
            elif each.name in intree.POINTS:
                if each.args:
                    self._faults.warning(f"{where}.args", _no_arguments(each.name, each.args))
            else:
                configs[each.name] = each.args
        for name in sorted(needed & arguments.TYPES.keys() - seen):
            configs[name] = arguments.TYPES[name]()
        return self._without_managed(configs, path)

    def _arguments(self, written: types.WrittenPluginConfig, is_needed: bool, path: str) -> arguments.Args:
        raw = {} if written.args is None else written.args
        if isinstance(raw, dict):
            self._type_meta(raw, f"{written.name}Args", path)
        value = self._decoder.struct(arguments.TYPES[written.name], raw, path, ignore=_TYPE_META)
        value = _with_defaults(value)
        if isinstance(value, arguments.PodTopologySpreadArgs):
            value = self._defaulting_type(value, raw, path)
        # kube-scheduler validates NodeResourcesFit's arguments where the plugin is made, not before.
        if is_needed or written.name != "NodeResourcesFit":
            validate_args.arguments(value, path, self._faults)
        return value

    def _defaulting_type(
        self, value: arguments.PodTopologySpreadArgs, raw: object, path: str
    ) -> arguments.PodTopologySpreadArgs:
        """Constraints without a type: Kubernetes defaults it to System and then refuses them."""
        if isinstance(raw, dict) and raw.get("defaultingType"):
            return value
        if not value.default_constraints:
            return msgspec.structs.replace(value, defaulting_type="System")
        message = report.invalid("System", "when .defaultConstraints are not empty (absent, it is System)")
        self._faults.fault(f"{path}.defaultingType", message, "read as List")
        return msgspec.structs.replace(value, defaulting_type="List")

    def _type_meta(self, raw: Mapping[str, Any], kind: str, path: str) -> None:
        if raw.get("kind") not in (None, "", kind):
            self._faults.error(f"{path}.kind", report.unsupported(raw["kind"], [kind]))
        version = raw.get("apiVersion")
        if version in (None, "", legacy.VERSION, self._written.api_version):
            return
        message = report.unsupported(version, [legacy.VERSION])
        if isinstance(version, str) and version in legacy.OLD_VERSIONS:
            self._faults.fault(f"{path}.apiVersion", message, "read as v1")
        else:
            self._faults.error(f"{path}.apiVersion", message)

    def _without_managed(self, configs: dict[str, object], path: str) -> dict[str, object]:
        """Resources that an extender keeps from the scheduler take the place of Fit's ignored ones."""
        ignored = tuple(
            resource.name
            for extender in self._written.extenders
            for resource in extender.managed_resources
            if resource.ignored_by_scheduler
        )
        if ignored:
            fit = configs.get("NodeResourcesFit")
            if isinstance(fit, arguments.NodeResourcesFitArgs):
                configs["NodeResourcesFit"] = msgspec.structs.replace(fit, ignored_resources=ignored)
            else:
                detail = "an extender has resources ignoredByScheduler, for which NodeResourcesFit is needed"
                self._faults.error(path, report.required(detail))
        return configs


def _no_arguments(name: str, given: object) -> str:
    message = f"ignored: {name} takes no arguments"
    if isinstance(given, dict) and "bindTimeoutSeconds" in given:
        message += "; bindTimeoutSeconds belongs to VolumeBinding (default 600)"
    return message


def _with_defaults(value: arguments.Args) -> arguments.Args:
    """Resources not given are CPU and memory; a weight of 0 is 1."""
    if isinstance(value, arguments.NodeResourcesBalancedAllocationArgs):
        return msgspec.structs.replace(value, resources=_weighted(value.resources))
    if isinstance(value, arguments.NodeResourcesFitArgs):
        strategy = value.scoring_strategy
        strategy = msgspec.structs.replace(strategy, resources=_weighted(strategy.resources))
        return msgspec.structs.replace(value, scoring_strategy=strategy)
    return value


def _weighted(resources: tuple[arguments.ResourceSpec, ...]) -> tuple[arguments.ResourceSpec, ...]:
    weighted = (each if each.weight else arguments.ResourceSpec(each.name) for each in resources)
    return tuple(weighted) or arguments.CPU_AND_MEMORY
