import dataclasses
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stowage.api import objects
from stowage.framework import config
from stowage.framework.config import args, decode, intree, legacy

EXAMPLES = sorted((Path(__file__).parents[2] / "data" / "configs" / "examples").glob("*.yaml"))
HEAD = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"


def load(body: str, *, strict: bool = False) -> config.Loaded:
    return config.load(HEAD + body, strict=strict)


def profile(body: str, *, strict: bool = False) -> config.Profile:
    """The profile of a configuration with one, given the lines below its name."""
    return load("profiles:\n- schedulerName: a\n" + body, strict=strict).config.profiles[0]


def errors(text: str, *, strict: bool = False) -> list[str]:
    with pytest.raises(config.ConfigError) as caught:
        config.load(text, strict=strict)
    return [str(error) for error in caught.value.errors]


def test_the_default_configuration_is_kube_schedulers() -> None:
    loaded = config.default()
    election = config.LeaderElection(resource_name="kube-scheduler")
    bare = config.Configuration(profiles=(), leader_election=election)
    assert dataclasses.replace(loaded, profiles=()) == bare
    (only,) = loaded.profiles
    assert only.scheduler_name == "default-scheduler"
    assert only.plugin_config == {name: cls() for name, cls in args.TYPES.items()}
    assert only.percentage_of_nodes_to_score is None


def test_the_defaults_are_pinned() -> None:
    loaded = config.default()
    assert loaded.parallelism == 16
    assert loaded.percentage_of_nodes_to_score == 0
    assert (loaded.pod_initial_backoff_seconds, loaded.pod_max_backoff_seconds) == (1, 10)
    assert loaded.leader_election == config.LeaderElection(
        True, 15.0, 10.0, 2.0, "leases", "kube-scheduler", "kube-system"
    )
    assert (loaded.client_connection.qps, loaded.client_connection.burst) == (50.0, 100)
    assert args.DefaultPreemptionArgs() == args.DefaultPreemptionArgs(10, 100)
    assert args.InterPodAffinityArgs() == args.InterPodAffinityArgs(1, False)
    assert args.VolumeBindingArgs().bind_timeout_seconds == 600
    assert args.DynamicResourcesArgs() == args.DynamicResourcesArgs(10.0, 600.0)
    assert args.PodTopologySpreadArgs() == args.PodTopologySpreadArgs((), "System")
    resources = (args.ResourceSpec("cpu", 1), args.ResourceSpec("memory", 1))
    assert args.NodeResourcesBalancedAllocationArgs().resources == resources
    assert args.NodeResourcesFitArgs().scoring_strategy == args.ScoringStrategy("LeastAllocated", resources)


def test_every_default_plugin_runs_somewhere_and_every_point_exists() -> None:
    assert {name for name, _ in intree.DEFAULTS} <= intree.POINTS.keys()
    assert set().union(*intree.POINTS.values()) <= set(config.EXTENSION_POINTS)
    assert not legacy.PLUGINS.keys() & intree.POINTS.keys()
    assert args.TYPES.keys() <= intree.POINTS.keys()


FAULTS = {
    "batch-processing-scheduler": 0,
    "batch-scheduler": 0,
    "custom-scheduler": 0,
    "default-scheduler": 2,  # PodOverhead, NodePreferAvoidPods
    "default-scheduler-in-full": 3,  # EBSLimits, GCEPDLimits, AzureDiskLimits
    "gpu-scheduler": 0,
    "high-performance-scheduler": 1,  # metadata
    "memory-optimized-scheduler": 0,
    "ml-training-scheduler": 0,
    "optimized-scheduler": 0,
    "preemption-scheduler": 1,  # metadata
    "production-scheduler": 2,  # metadata, constraints without a type
    "realtime-scheduler": 1,  # constraints without a type
    "web-frontend-scheduler": 1,  # constraints without a type
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_published_example_loads_with_a_warning_for_each_fault(path: Path) -> None:
    loaded = config.load(path.read_text(encoding="utf-8"))
    assert loaded.warnings[0].startswith("apiVersion: v1beta")
    count = 0
    try:
        config.load(path.read_text(encoding="utf-8"), strict=True)
    except config.ConfigError as error:
        count = len(error.errors)
        for each in error.errors:
            assert any(warning.startswith(str(each)) for warning in loaded.warnings)
    assert count == FAULTS[path.stem]


WARNINGS = {
    "default-scheduler": r"filter\.disabled\[0\]\.name: without NodeUnschedulable pods will be placed on",
    "high-performance-scheduler": r"filter\.disabled\[1\]\.name: without effect: EBSLimits is replaced by",
    "optimized-scheduler": r"args: ignored: DefaultBinder takes no arguments; bindTimeoutSeconds belongs",
    "production-scheduler": r"filter\.disabled\[0\]\.name: without NodePorts pods will be placed where",
    "custom-scheduler": r"^apiVersion: v1beta2 was removed .* read as v1",
}


@pytest.mark.parametrize("name", WARNINGS)
def test_what_kubernetes_takes_but_nobody_means_is_a_warning(name: str) -> None:
    (path,) = [path for path in EXAMPLES if path.stem == name]
    warnings = config.load(path.read_text(encoding="utf-8")).warnings
    assert any(re.search(WARNINGS[name], warning) for warning in warnings), warnings


def test_constraints_without_a_type_are_read_as_a_list() -> None:
    (path,) = [path for path in EXAMPLES if path.stem == "realtime-scheduler"]
    spread = (
        config.load(path.read_text(encoding="utf-8")).config.profiles[0].plugin_config["PodTopologySpread"]
    )
    assert spread == args.PodTopologySpreadArgs(
        (objects.TopologySpreadConstraint(1, "kubernetes.io/hostname", "DoNotSchedule"),), "List"
    )


@pytest.mark.parametrize("name", sorted(legacy.PLUGINS))
def test_a_removed_plugin_is_left_out_with_a_warning_and_refused_if_strict(name: str) -> None:
    body = f"profiles: [{{plugins: {{multiPoint: {{enabled: [{{name: {name}}}]}}}}}}]\n"
    loaded = load(body)
    assert loaded.config == config.default()
    (warning,) = loaded.warnings
    assert warning.startswith(f'profiles[0].plugins.multiPoint.enabled[0].name: Not found: "{name}": ')
    assert errors(HEAD + body, strict=True) == [warning.removesuffix("; left out")]


REMOVED_FIELDS = {
    "metadata": "metadata: {name: x}",
    "healthzBindAddress": "healthzBindAddress: 0.0.0.0:10251",
    "metricsBindAddress": "metricsBindAddress: ''",
    "algorithmSource": "algorithmSource: {provider: DefaultProvider}",
    "leaderElection.lockObjectName": "leaderElection: {lockObjectName: x}",
    "profiles[0].plugins.unreserve": "profiles: [{plugins: {unreserve: {}}}]",
}


@pytest.mark.parametrize("path", REMOVED_FIELDS)
def test_a_removed_field_is_a_warning_and_refused_if_strict(path: str) -> None:
    loaded = load(REMOVED_FIELDS[path])
    assert [warning.split(": ")[0] for warning in loaded.warnings] == [path]
    assert errors(HEAD + REMOVED_FIELDS[path], strict=True)[0].startswith(f"{path}: unknown field: ")


def test_all_errors_come_at_once_with_their_paths() -> None:
    text = HEAD + (
        "parallelism: 0\n"
        "profile: []\n"
        "profiles:\n"
        "- schedulerName: a\n"
        "  plugins: {filter: {enabled: [{name: Nodename}]}}\n"
        "  pluginConfig:\n"
        "  - {name: NodeName}\n"
        "  - {name: InterPodAffinity, args: {hardPodAffinityWeight: 101}}\n"
        "- schedulerName: a\n"
        "  percentageOfNodesToScore: a\n"
    )
    assert errors(text) == [
        "profile: unknown field; did you mean profiles?",
        'profiles[1].percentageOfNodesToScore: Invalid value: "a": must be an integer',
        'profiles[0].plugins.filter.enabled[0].name: Not found: "Nodename":'
        " no plugin of this name is registered",
        "profiles[0].pluginConfig[1].args.hardPodAffinityWeight:"
        " Invalid value: 101: not in valid range [0, 100]",
        "parallelism: Invalid value: 0: should be an integer value greater than zero",
        'profiles[1].schedulerName: Duplicate value: "a"',
    ]


def test_the_error_reads_as_a_list_under_the_name_of_the_source() -> None:
    with pytest.raises(config.ConfigError) as caught:
        config.load(HEAD + "parallelism: 0\nfoo: 1\n", source="scheduler.yaml")
    assert str(caught.value).splitlines()[:2] == ["scheduler.yaml: 2 errors", "  foo: unknown field"]
    with pytest.raises(config.ConfigError, match=r"^scheduler\.yaml: foo: unknown field$"):
        config.load(HEAD + "foo: 1\n", source="scheduler.yaml")


NOT_A_CONFIGURATION = {
    "empty": ("", "the text is empty"),
    "a-list": ("- a\n", "not an object"),
    "text": ("hello", "not an object"),
    "no-kind": ("apiVersion: kubescheduler.config.k8s.io/v1\n", "kind: Required value"),
    "no-version": ("kind: KubeSchedulerConfiguration\n", "apiVersion: Required value"),
    "policy": ("apiVersion: v1\nkind: Policy\n", "policies were removed in Kubernetes 1.23"),
    "configmap": ("apiVersion: v1\nkind: ConfigMap\n", "give the text under its data alone"),
    "v1alpha1": (HEAD.replace("/v1", "/v1alpha1"), 'apiVersion: Unsupported value: "kubescheduler'),
    "kind-is-a-map": (HEAD.replace("kind: ", "kind: {a: ") + "}", "kind: Unsupported value"),
    "version-is-a-list": ("apiVersion: [1]\nkind: KubeSchedulerConfiguration\n", "apiVersion: Unsupported"),
    "broken": ("a: [", "line 2, column 1"),
    "bomb-of-keys": (HEAD + "a: 1\na: 1\n", "line 4, column 1: the key 'a' is already set"),
}


@pytest.mark.parametrize("name", NOT_A_CONFIGURATION)
def test_another_text_is_refused_with_a_sentence(name: str) -> None:
    text, message = NOT_A_CONFIGURATION[name]
    assert message in " ".join(errors(text))


def test_out_of_tree_plugins_run_where_they_say() -> None:
    text = HEAD + (
        "profiles:\n"
        "- plugins: {multiPoint: {enabled: [{name: Mine, weight: 7}]}}\n"
        "  pluginConfig: [{name: Mine, args: {anything: [1, 2]}}]\n"
    )
    known = {"Mine": frozenset({"filter", "score"})}
    (only,) = config.load(text, known=known, strict=True).config.profiles
    assert only.plugins["filter"][-1] == config.Plugin("Mine")
    assert only.plugins["score"][-1] == config.Plugin("Mine", 7)
    assert "Mine" not in {plugin.name for plugin in only.plugins["preFilter"]}
    assert only.plugin_config["Mine"] == {"anything": [1, 2]}


def test_a_plugin_of_ones_own_may_have_the_name_of_a_removed_one() -> None:
    text = HEAD + "profiles: [{plugins: {filter: {enabled: [{name: NodeLabel}]}}}]\n"
    loaded = config.load(text, known={"NodeLabel": frozenset({"filter"})})
    assert loaded.config.profiles[0].plugins["filter"][-1].name == "NodeLabel"
    assert loaded.warnings == ()


def test_arguments_are_typed() -> None:
    affinity = (
        "  pluginConfig:\n"
        "  - name: NodeAffinity\n"
        "    args:\n"
        "      addedAffinity:\n"
        "        requiredDuringSchedulingIgnoredDuringExecution:\n"
        "          nodeSelectorTerms:\n"
        "          - matchExpressions: [{key: kubernetes.io/arch, operator: In, values: [amd64, arm64]}]\n"
    )
    requirement = objects.NodeSelectorRequirement("kubernetes.io/arch", "In", ("amd64", "arm64"))
    selector = objects.NodeSelector((objects.NodeSelectorTerm((requirement,)),))
    assert profile(affinity).plugin_config["NodeAffinity"] == args.NodeAffinityArgs(
        objects.NodeAffinity(selector)
    )


def test_resources_without_a_weight_count_once() -> None:
    body = (
        "  pluginConfig:\n"
        "  - name: NodeResourcesFit\n"
        "    args:\n"
        "      scoringStrategy: {type: MostAllocated, resources: [{name: cpu}, {name: a/b, weight: 0}]}\n"
        "  - {name: NodeResourcesBalancedAllocation, args: {resources: []}}\n"
    )
    configs = profile(body).plugin_config
    resources = (args.ResourceSpec("cpu", 1), args.ResourceSpec("a/b", 1))
    assert configs["NodeResourcesFit"] == args.NodeResourcesFitArgs(
        scoring_strategy=args.ScoringStrategy("MostAllocated", resources)
    )
    assert configs["NodeResourcesBalancedAllocation"] == args.NodeResourcesBalancedAllocationArgs()


def test_zero_in_leader_election_and_client_is_the_default() -> None:
    body = (
        "leaderElection: {leaderElect: false, leaseDuration: 0s, retryPeriod: 500ms, resourceName: ''}\n"
        "clientConnection: {qps: 0, burst: 7}\n"
    )
    loaded = load(body, strict=True).config
    assert loaded.leader_election == config.LeaderElection(
        leader_elect=False, retry_period=0.5, resource_name="kube-scheduler"
    )
    assert loaded.client_connection == config.ClientConnection(burst=7)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("profiles: [{schedulerName: mine}, {schedulerName: default-scheduler}]", "kube-scheduler"),
        ("profiles: [{schedulerName: mine}]", "stowage"),
        ("leaderElection: {resourceName: kube-scheduler}\nprofiles: [{schedulerName: a}]", "kube-scheduler"),
        ("leaderElection: {resourceName: another}", "another"),
    ],
    ids=["in its place", "beside it", "beside it, named", "named"],
)
def test_the_lease_is_kube_schedulers_where_a_profile_stands_in_its_place(written: str, name: str) -> None:
    assert load(f"{written}\n").config.leader_election.resource_name == name


def test_contention_profiling_follows_profiling() -> None:
    loaded = load("enableProfiling: false\n").config
    assert (loaded.enable_profiling, loaded.enable_contention_profiling) == (False, False)


def test_extenders_are_read_in_full() -> None:
    body = (
        "extenders:\n"
        "- urlPrefix: http://localhost:8888/\n"
        "  filterVerb: filter\n"
        "  prioritizeVerb: score\n"
        "  weight: 5\n"
        "  enableHTTPS: true\n"
        "  httpTimeout: 1m30s\n"
        "  nodeCacheCapable: true\n"
        "  ignorable: true\n"
        "  tlsConfig: {insecure: true, caData: aGk=}\n"
        "  managedResources: [{name: example.com/foo, ignoredByScheduler: true}]\n"
    )
    loaded = load(body, strict=True).config
    assert loaded.extenders == (
        config.Extender(
            url_prefix="http://localhost:8888/",
            filter_verb="filter",
            prioritize_verb="score",
            weight=5,
            enable_https=True,
            http_timeout=90.0,
            node_cache_capable=True,
            ignorable=True,
            tls_config=config.ExtenderTLS(insecure=True, ca_data=b"hi"),
            managed_resources=(config.ManagedResource("example.com/foo", True),),
        ),
    )
    fit = loaded.profiles[0].plugin_config["NodeResourcesFit"]
    assert fit == args.NodeResourcesFitArgs(ignored_resources=("example.com/foo",))


DURATIONS: dict[str, float | None] = {
    "0": 0.0,
    "15s": 15.0,
    "1m30s": 90.0,
    "1.5h": 5400.0,
    "-2s": -2.0,
    "+.5s": 0.5,
    "1.s": 1.0,
    "100us": 1e-4,
    "100µs": 1e-4,
    "3000000h": None,  # beyond int64 nanoseconds
    "": None,
    "-": None,
    "15": None,
    "15x": None,
    "1d": None,
    ".s": None,
    " 1s": None,
}


@pytest.mark.parametrize("text", DURATIONS, ids=repr)
def test_durations_are_gos(text: str) -> None:
    assert decode.seconds(text) == (None if DURATIONS[text] is None else pytest.approx(DURATIONS[text]))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["a", "", "*"]),
    lambda each: (
        st.lists(each, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "enabled", "disabled", "weight", "args", "plugins", "score", "filter"])
            | st.sampled_from(
                ["pluginConfig", "schedulerName", "scoringStrategy", "resources", "multiPoint"]
            ),
            each,
            max_size=4,
        )
    ),
    max_leaves=10,
)
TOP = st.sampled_from(
    ["profiles", "extenders", "leaderElection", "clientConnection", "parallelism", "metadata"]
)


@given(st.dictionaries(TOP, PLAIN), st.booleans())
def test_anything_is_read_or_refused_but_never_a_crash(body: dict[str, object], strict: bool) -> None:
    text = yaml.safe_dump({"apiVersion": legacy.VERSION, "kind": "KubeSchedulerConfiguration", **body})
    try:
        config.load(text, strict=strict)
    except config.ConfigError:
        return
