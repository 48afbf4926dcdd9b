"""The deliberate errors, as data: one for each clause in which an exact engine is easily a little wrong.

The clauses are those of the traps by plugin (all, Fit, Balanced, ...), and after them what keeps warm plans
equal to cold ones. Each error is small, and leaves a scheduler that seems to work.
"""

from typing import NamedTuple

FIT = "plugins/node_resources_fit.py"
BALANCED = "plugins/node_resources_balanced_allocation.py"
TAINTS = "plugins/taint_toleration.py"
AFFINITY = "plugins/node_affinity.py"
PORTS = "plugins/node_ports.py"
IMAGES = "plugins/image_locality.py"
SPREAD = "plugins/pod_topology_spread/__init__.py"
CONSTRAINTS = "plugins/pod_topology_spread/constraints.py"
HARD = "plugins/pod_topology_spread/hard.py"
SOFT = "plugins/pod_topology_spread/soft.py"
INTERPOD = "plugins/inter_pod_affinity/__init__.py"
REQUIRED = "plugins/inter_pod_affinity/required.py"
PREFERRED = "plugins/inter_pod_affinity/preferred.py"
TALLY = "plugins/inter_pod_affinity/tally.py"
RESTRICTIONS = "plugins/volume_restrictions.py"
LIMITS = "plugins/node_volume_limits"
ZONES = "plugins/volume_zone.py"
PLAN = "engine/plan.py"
ENTRIES = "engine/entries.py"
CYCLE = "engine/cycle.py"
ATTEMPT = "engine/attempt.py"
PAGES = "engine/pages.py"
TABLE = "cluster/table.py"
NODES = "cluster/nodes.py"
SHAPES = "cluster/shapes.py"

UNIT = "tests/unit"
ENGINE = f"{UNIT}/engine"
CLUSTER = f"{UNIT}/cluster"
MACHINE = "tests/property/test_state_machine.py"
UNDO = "tests/property/test_undo.py"
WARM = "tests/property/test_warm_plans.py"


def of(plugin: str) -> str:
    return f"{UNIT}/plugins/test_{plugin}.py"


class Mutant(NamedTuple):
    """`edits`: (text that occurs once in `file`, what replaces it); `tests` have to fail with them."""

    name: str
    clause: str
    file: str
    edits: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]


def _one(name: str, clause: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, clause, file, ((old, new),), tests)


ALL = (
    Mutant(
        "all-last-failure-wins",
        "the failing status is the first in order",
        PLAN,
        (
            ("entries.FilterEntry(order, self", "entries.FilterEntry(99 - order, self"),
            ("order = (value >> entries.SHIFT) - 1", "order = 100 - (value >> entries.SHIFT)"),
        ),
        (f"{ENGINE}/test_failure.py",),
    ),
    _one(
        "all-scores-one-node",
        "one feasible node is not scored",
        CYCLE,
        "if len(rows) == 1:  # kube",
        "if len(rows) == 0:  # kube",
        f"{ENGINE}/test_cycle.py",
    ),
    _one(
        "all-filter-skip-ignored",
        "the filter's skip comes from PreFilter",
        PLAN,
        "if plugin.name not in skipped",
        "if plugin.name",
        f"{ENGINE}/test_plan.py",
    ),
    _one(
        "all-score-skip-from-prefilter",
        "the score's skip comes from PreScore, not from PreFilter",
        PLAN,
        "if state is not status.SKIP:",
        "if state is not status.SKIP and (\n"
        "                plugin not in self.profile.pre_filter\n"
        "                or plugin in [f.plugin for f in self.filters]\n"
        "            ):",
        f"{ENGINE}/test_plan.py",
    ),
    _one(
        "all-score-range",
        "a score outside 0..100 is an error",
        ENTRIES,
        "if not 0 <= wrong <= interface.MAX_SCORE:",
        "if wrong < 0:",
        f"{ENGINE}/test_cycle.py",
    ),
    _one(
        "all-weight-taints",
        "weights: 3 taint toleration",
        "framework/config/intree.py",
        '("TaintToleration", 3)',
        '("TaintToleration", 2)',
        f"{UNIT}/framework/test_profile.py",
    ),
    _one(
        "all-weight-affinity",
        "weights: 2 affinity, spread, inter-pod",
        "framework/config/intree.py",
        '("InterPodAffinity", 2)',
        '("InterPodAffinity", 1)',
        f"{UNIT}/framework/test_profile.py",
    ),
    _one(
        "all-weight-rest",
        "weights: 1 the rest",
        "framework/config/intree.py",
        '("ImageLocality", 1)',
        '("ImageLocality", 2)',
        f"{UNIT}/framework/test_profile.py",
    ),
)

RESOURCES = (
    _one(
        "fit-too-many-pods-unresolvable",
        "too many pods is never unresolvable",
        FIT,
        "if code & UNRESOLVABLE else status.unschedulable",
        "if code & (UNRESOLVABLE | 1) else status.unschedulable",
        of("node_resources_fit"),
    ),
    _one(
        "fit-more-than-allocatable",
        "a request above allocatable is unresolvable",
        FIT,
        "np.where(amount > capacity, UNRESOLVABLE, 0)",
        "np.where(amount > 2 * capacity, UNRESOLVABLE, 0)",
        of("node_resources_fit"),
    ),
    _one(
        "fit-infects",
        "one unresolvable shortage infects the whole status",
        FIT,
        "make = status.unresolvable if code & UNRESOLVABLE else",
        "make = status.unresolvable if code & UNRESOLVABLE and len(reasons) == 1 else",
        of("node_resources_fit"),
    ),
    _one(
        "fit-zero-request",
        "a zero request passes an overcommitted node",
        FIT,
        "if amount > 0 and not self._ignores(name)",
        "if not self._ignores(name)",
        of("node_resources_fit"),
    ),
    _one(
        "fit-ignores-any",
        "ignoredResources only for extended names",
        FIT,
        "if not names.is_extended(name):",
        "if not name:",
        of("node_resources_fit"),
    ),
    _one(
        "fit-default-cpu",
        "100m a container that asks for nothing",
        "api/resources.py",
        "DEFAULT_MILLI_CPU = 100",
        "DEFAULT_MILLI_CPU = 0",
        of("node_resources_fit"),
    ),
    _one(
        "fit-default-memory",
        "200Mi a container that asks for nothing",
        "api/resources.py",
        "DEFAULT_MEMORY = 200 * 1024 * 1024",
        "DEFAULT_MEMORY = 300 * 1024 * 1024",
        of("node_resources_fit"),
    ),
    _one(
        "fit-score-pod-level",
        "the score ignores the incoming pod's pod-level requests",
        "api/resources.py",
        "_pod_requests(pod, pod_level=False, defaults=_NON_MISSING)",
        "_pod_requests(pod, defaults=_NON_MISSING)",
        of("node_resources_fit"),
    ),
    _one(
        "fit-placed-pod-level",
        "the node's sums honour pod-level requests",
        "api/resources.py",
        "if pod_level and pod_level_requests_set(pod):",
        "if pod_level and not status and pod_level_requests_set(pod):",
        of("node_resources_fit"),
        f"{UNIT}/api/test_resources.py",
    ),
    _one(
        "fit-scalar-form",
        "one row and all rows are one formula",
        FIT,
        "if amount > free and",
        "if amount >= free and",
        of("node_resources_fit"),
        MACHINE,
    ),
    _one(
        "balanced-no-skip",
        "skip if all configured resources are 0",
        BALANCED,
        "if not any(asked.get(spec.name, 0) for spec in self.resources):",
        "if not any(asked.values()):",
        of("node_resources_balanced_allocation"),
    ),
    _one(
        "balanced-lacking",
        "zero-allocatable resources leave the average",
        BALANCED,
        "here = capacity != 0",
        "here = capacity >= 0",
        of("node_resources_balanced_allocation"),
    ),
    _one(
        "balanced-uncapped",
        "fractions are capped at 1",
        BALANCED,
        "after.append(xp.minimum(xp.fraction(allocated + resource.asked, safe), 1.0))",
        "after.append(xp.fraction(allocated + resource.asked, safe))",
        of("node_resources_balanced_allocation"),
    ),
    _one(
        "balanced-scalars",
        "extended resources only if the pod asks",
        "framework/allocation.py",
        "not (amount and names.is_scalar(spec.name))",
        "not names.is_scalar(spec.name)",
        of("node_resources_balanced_allocation"),
    ),
    _one(
        "balanced-evenness-alone",
        "the score is the improvement",
        BALANCED,
        "50 + (50 + evenness(xp, after) - evenness(xp, before)) // 2",
        "evenness(xp, after)",
        of("node_resources_balanced_allocation"),
    ),
    _one(
        "balanced-nonzero",
        "Balanced goes by Requested, Fit by NonZeroRequested",
        BALANCED,
        "allocation.scored(cluster, self.resources, asked, nonzero=False)",
        "allocation.scored(cluster, self.resources, asked, nonzero=True)",
        of("node_resources_balanced_allocation"),
    ),
    _one(
        "ratio-mean-truncated",
        "the weighted mean is rounded",
        FIT,
        "total, weights = 2 * total + weights, 2 * weights",
        "total, weights = 2 * total, 2 * weights",
        of("node_resources_fit"),
    ),
    _one(
        "ratio-zero-counts",
        "zero-scored resources leave the weight sum",
        FIT,
        "return score, score > 0",
        "return score, score >= 0",
        of("node_resources_fit"),
    ),
    _one(
        "ratio-floors",
        "the shape is interpolated truncating towards zero",
        FIT,
        "for at in range(101):\n        values[at] = _broken_linear(points, at)",
        "for at in range(101):\n        values[at] = _broken_linear(points, at) - (at % 30 != 0)",
        of("node_resources_fit"),
    ),
)

NODE = (
    _one(
        "taints-skipped",
        "taint toleration's score is never skipped",
        TAINTS,
        "        soft = tuple(",
        "        if len(cluster.taints.sets) == 1:\n            return status.SKIP\n        soft = tuple(",
        of("taint_toleration"),
    ),
    _one(
        "taints-all-tolerations",
        "only effect-matching tolerations count in the score",
        "api/tolerations.py",
        "if toleration.effect and toleration.effect != taint.effect:",
        "if False:",
        of("taint_toleration"),
    ),
    _one(
        "taints-gt",
        "Gt and Lt are gated off",
        "api/tolerations.py",
        'return toleration.operator == "Exists"',
        'return toleration.operator in ("Exists", "Gt", "Lt")',
        of("taint_toleration"),
    ),
    _one(
        "taints-no-execute",
        "NoExecute filters too",
        "cluster/match.py",
        "(tolerations.NO_SCHEDULE, tolerations.NO_EXECUTE)",
        "(tolerations.NO_SCHEDULE,)",
        of("taint_toleration"),
    ),
    _one(
        "affinity-own-first",
        "addedAffinity filters first with its own reason",
        AFFINITY,
        "codes, NOT_ENFORCED)",
        "np.where(codes == 0, 0, codes), np.where(codes == 0, NOT_ENFORCED, codes))",
        of("node_affinity"),
    ),
    _one(
        "affinity-some-names",
        "metadata.name restricts only if every term has one",
        AFFINITY,
        "if not fields:\n            return None",
        "if not fields:\n            continue",
        of("node_affinity"),
    ),
    _one(
        "affinity-empty-term",
        "an empty term matches nothing",
        "api/selectors.py",
        "            if not _is_empty(term)\n",
        "",
        of("node_affinity"),
    ),
    _one(
        "ports-wildcard",
        "0.0.0.0 conflicts with every IP",
        SHAPES,
        'or "0.0.0.0" in (self.ip, other.ip)',
        'or self.ip == "0.0.0.0"',
        of("node_ports"),
    ),
    _one(
        "ports-protocol",
        "the protocol counts",
        SHAPES,
        "and self.protocol == other.protocol",
        "",
        of("node_ports"),
    ),
    _one(
        "ports-init",
        "ports of init containers only if restartable",
        SHAPES,
        'if c.restart_policy == "Always"]',
        "]",
        of("node_ports"),
        f"{CLUSTER}/test_table.py",
    ),
    _one(
        "unschedulable-taint",
        "it is the field that counts",
        "plugins/node_unschedulable.py",
        "column = cluster.unschedulable[rows]",
        "column = cluster.unschedulable[rows] & (cluster.taints.ids[: cluster.size][rows] > 0)",
        of("node_unschedulable"),
    ),
    _one(
        "features-some",
        "a node declares all that a pod needs",
        "plugins/node_declared_features.py",
        "not all(declares(each, name)",
        "not any(declares(each, name)",
        of("node_declared_features"),
    ),
    _one(
        "features-init",
        "init containers have restart rules as well",
        "plugins/node_declared_features.py",
        "(*spec.containers, *spec.init_containers)",
        "spec.containers",
        of("node_declared_features"),
    ),
    _one(
        "features-stale",
        "other declared features dirty a row",
        TABLE,
        "            changed |= FEATURES\n",
        "            pass\n",
        f"{CLUSTER}/test_table.py",
    ),
    _one(
        "devices-on-bare-nodes",
        "what a device class stands for is not left to nobody",
        "plugins/dynamic_resources.py",
        "np.where(least > 0, 0, 1)",
        "np.where(least >= 0, 0, 1)",
        of("dynamic_resources"),
    ),
)

SPREADING = (
    _one(
        "spread-empty-domain",
        "domains exist through eligible nodes even with count 0",
        HARD,
        "self.exists[self.at[mask]] = True",
        "self.exists[self.at[mask]] = True\n        self.exists &= self.counts > 0",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-ineligible-counts",
        "a row whose domain is not eligible has count 0",
        HARD,
        "np.bincount(self.at[rows[mask[rows]]],",
        "np.bincount(self.at[rows],",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-min-domains",
        "fewer domains than minDomains: the minimum is 0",
        HARD,
        "if len(held) < self._min_domains:",
        "if len(held) < 1:",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-last-constraint",
        "constraints are judged in order",
        HARD,
        "2 * (len(wanted) - i) - 1)",
        "2 * i + 1)",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-empty-selector-counts",
        "an empty selector counts 0",
        CONSTRAINTS,
        "if selector == selectors.EVERYTHING:",
        "if selector == selectors.NOTHING:",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-empty-selector-self",
        "an empty selector matches the pod itself",
        HARD,
        "constraint.max_skew - selectors.matches(selector, pod.labels)",
        "constraint.max_skew - (bool(selector.requirements) and selectors.matches(selector, pod.labels))",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-self",
        "a pod that its own selector does not select adds nothing",
        HARD,
        "constraint.max_skew - selectors.matches(selector, pod.labels)",
        "constraint.max_skew - 1",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-terminating",
        "spread skips terminating pods",
        CONSTRAINTS,
        "not group.terminating\n            and ",
        "",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-host-policies",
        "hostname counts ignore both policies",
        SOFT,
        "        rows = rows[rows < len(mask)]\n",
        "        rows = rows[rows < len(mask)]\n        rows = rows[mask[rows]]\n",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-host-weight",
        "hostname's weight comes from feasible rows that are not ignored",
        SOFT,
        "kept = rows[~ignored]",
        "kept = rows",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-feasible-domains",
        "other keys: the domains of feasible rows",
        SOFT,
        "present[self._at[rows]] = True",
        "present[self._at] = True",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-default-keys",
        "default constraints keep nodes without the key",
        SPREAD,
        "strict = bool(pod.spec.topology_spread_constraints) or not self._system",
        "strict = True",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-ignored-score",
        "ignored rows get 0",
        SOFT,
        "out[self._ignored] = 0",
        "pass",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-ignored-min",
        "ignored rows stay out of minimum and maximum",
        SOFT,
        "kept = raw if self._ignored is None else raw[~self._ignored]",
        "kept = raw",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-max-zero",
        "a maximum of 0: all 100",
        SOFT,
        "np.full(len(raw), interface.MAX_SCORE, np.int64)",
        "np.zeros(len(raw), np.int64)",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-rounding",
        "scores are rounded half away from zero",
        SOFT,
        "whole += values - whole >= 0.5",
        "whole += values - whole > 0.5",
        of("pod_topology_spread"),
    ),
    _one(
        "spread-match-label-keys",
        "spread merges matchLabelKeys again",
        CONSTRAINTS,
        "if selector.nothing or not own:",
        "if selector.nothing or own:",
        of("pod_topology_spread"),
    ),
)

NEIGHBOURS = (
    _one(
        "interpod-affinity-resolvable",
        "an affinity miss is unresolvable",
        INTERPOD,
        "return status.unresolvable(REASON_AFFINITY)",
        "return status.unschedulable(REASON_AFFINITY)",
        of("inter_pod_affinity"),
    ),
    _one(
        "interpod-anti-unresolvable",
        "anti-affinity is unschedulable",
        INTERPOD,
        "return status.unschedulable(\n            REASON_ANTI",
        "return status.unresolvable(\n            REASON_ANTI",
        of("inter_pod_affinity"),
    ),
    _one(
        "interpod-order",
        "in the order affinity, own anti-affinity, others'",
        REQUIRED,
        "EXISTING, ANTI_AFFINITY, AFFINITY = 1, 2, 3",
        "EXISTING, ANTI_AFFINITY, AFFINITY = 2, 1, 3",
        of("inter_pod_affinity"),
    ),
    _one(
        "interpod-escape-anywhere",
        "the escape holds only if no pair was counted anywhere",
        REQUIRED,
        "return self._is_first and not any(",
        "return self._is_first or not any(",
        of("inter_pod_affinity"),
    ),
    _one(
        "interpod-escape-own",
        "the escape is for a pod that matches its own terms",
        REQUIRED,
        "bool(shape.required_affinity) and all(",
        "bool(shape.required_affinity) or all(",
        of("inter_pod_affinity"),
    ),
    _one(
        "interpod-all-terms",
        "required affinity counts pods that match all terms",
        REQUIRED,
        "lambda group: all(tally.means(term, group) for term in near)",
        "lambda group: any(tally.means(term, group) for term in near)",
        of("inter_pod_affinity"),
    ),
    _one(
        "interpod-hard-weight",
        "required affinity scores through hardPodAffinityWeight",
        PREFERRED,
        "((term, hard) for term",
        "((term, 1) for term",
        of("inter_pod_affinity"),
    ),
    _one(
        "interpod-ignore-preferred",
        "ignorePreferredTermsOfExistingPods skips",
        INTERPOD,
        "if self._ignores_others and not preferred.has_own(pod.spec):",
        "if False:",
        of("inter_pod_affinity"),
    ),
    _one(
        "interpod-ignore-preferred-of-own",
        "a pod with preferences of its own is not skipped",
        INTERPOD,
        "if self._ignores_others and not preferred.has_own(pod.spec):",
        "if self._ignores_others:",
        of("inter_pod_affinity"),
    ),
    _one(
        "interpod-normalised-order",
        "100 x (a / b), not 100 x a / b",
        PREFERRED,
        "(interface.MAX_SCORE * (above / span))",
        "(interface.MAX_SCORE * above / span)",
        of("inter_pod_affinity"),
    ),
    _one(
        "interpod-min-of-all",
        "minimum and maximum are over feasible rows only",
        INTERPOD,
        "return raw if state.idle else preferred.normalized(raw)",
        "return raw if state.idle else preferred.normalized(np.append(raw, 0))[:-1]",
        of("inter_pod_affinity"),
    ),
    _one(
        "namespaces-own-existing",
        "own terms: the selector is resolved to existing Namespaces",
        TALLY,
        "return term._replace(namespaces=term.namespaces | found)",
        "return term",
        of("inter_pod_affinity"),
    ),
    _one(
        "namespaces-own-all",
        "own terms: an empty selector means all, even missing ones",
        TALLY,
        "if selector.nothing or selector == selectors.EVERYTHING:\n            return term",
        "if selector.nothing:\n            return term\n        term = term._replace("
        "namespace_selector=selectors.NOTHING)",
        of("inter_pod_affinity"),
    ),
    _one(
        "namespaces-others-labels",
        "others' terms are matched against the labels of the pod's Namespace",
        TALLY,
        "self._namespace_labels = cluster.namespaces.get(pod.namespace, {})",
        "self._namespace_labels = {}",
        of("inter_pod_affinity"),
    ),
    _one(
        "namespaces-others-missing",
        "others' terms: a missing Namespace has no labels",
        TALLY,
        "cluster.namespaces.get(pod.namespace, {})",
        "cluster.namespaces.get(pod.namespace, {'env': 'live'})",
        of("inter_pod_affinity"),
    ),
)

IMAGES_AND_VOLUMES = (
    _one(
        "images-init",
        "the threshold is x (init + regular) containers",
        IMAGES,
        "len(pod.spec.containers) + len(pod.spec.init_containers)",
        "len(pod.spec.containers)",
        of("image_locality"),
    ),
    _one(
        "images-volumes-sum",
        "image volumes add to the sum",
        IMAGES,
        "if volume.image is not None:",
        "if volume.image is None and False:",
        of("image_locality"),
    ),
    _one(
        "images-volumes-count",
        "image volumes do not add to the count",
        IMAGES,
        "len(pod.spec.containers) + len(pod.spec.init_containers)",
        "sum(1 for _ in images(pod.spec))",
        of("image_locality"),
    ),
    _one(
        "images-node-added",
        "scores change for all rows when a node is added",
        TABLE,
        'self.incarnations[row] += 1\n            self.outside.bump("nodes")',
        "self.incarnations[row] += 1",
        MACHINE,
        f"{CLUSTER}/test_table.py",
    ),
    _one(
        "volumes-rwop-local",
        "a ReadWriteOncePod conflict is cluster-wide",
        RESTRICTIONS,
        "return CLAIM if used > 0 else 0",
        "return 0",
        of("volume_restrictions"),
    ),
    _one(
        "volumes-rwop-skip",
        "it is skipped at 0 unless a disk is named",
        RESTRICTIONS,
        "if not state.disks and not state.used:",
        "if not state.disks and change is None and not state.used:",
        of("volume_restrictions"),
    ),
    _one(
        "volumes-disk-read-only",
        "in-tree disks that may be shared read-only",
        RESTRICTIONS,
        "if same and not (gce.read_only and other_gce.read_only):",
        "if same:",
        of("volume_restrictions"),
    ),
    _one(
        "volumes-unique-handles",
        "limits count unique handles",
        f"{LIMITS}/__init__.py",
        "mine = np.isin(held & VOLUME, self.wanted)",
        "mine = np.zeros(len(held), bool)",
        of("node_volume_limits"),
    ),
    _one(
        "volumes-attachments",
        "limits count VolumeAttachments of no pod",
        f"{LIMITS}/__init__.py",
        "loose = attached[~np.isin(attached, held)]",
        "loose = attached[:0]",
        of("node_volume_limits"),
    ),
    _one(
        "volumes-attachments-of-pods",
        "an attachment of a pod's volume counts once",
        f"{LIMITS}/__init__.py",
        "loose = attached[~np.isin(attached, held)]",
        "loose = attached",
        of("node_volume_limits"),
    ),
    _one(
        "volumes-no-csi-node",
        "no CSINode: no limit",
        f"{LIMITS}/__init__.py",
        "np.where(limits.has_csi_node[rows], codes, bare)",
        "np.where(limits.has_csi_node[rows] | (bare == 0), codes, bare) + "
        "EXCEEDED * ~limits.has_csi_node[rows] * (bare == 0)",
        of("node_volume_limits"),
    ),
    _one(
        "volumes-no-limit-of-driver",
        "a driver without a limit on a node has none there",
        f"{LIMITS}/index.py",
        "np.full(self.size, -1, np.int64)",
        "np.full(self.size, 0, np.int64)",
        of("node_volume_limits"),
    ),
    _one(
        "volumes-zone-unlabelled",
        "VolumeZone only where the node has a zone or region label",
        ZONES,
        "fits = ~labelled",
        "fits = np.zeros_like(labelled)",
        of("volume_zone"),
    ),
)

EXACT = (
    _one(
        "plan-spread-advance",
        "a hard constraint's counts follow the pods",
        HARD,
        "            self.stale = True\n\n    def _move_lowest",
        "            self.stale = self.lowest != lowest\n\n    def _move_lowest",
        WARM,
    ),
    _one(
        "plan-soft-advance",
        "a soft constraint's counts follow the pods",
        SOFT,
        "self._cells[row] += moved * stride",
        "self._cells[row] += stride",
        WARM,
    ),
    _one(
        "plan-terms-advance",
        "others' terms follow the pods",
        TALLY,
        "for tally, amount in self.amounts(cluster, tail.shapes.item(i)):",
        "for tally, amount in ():",
        WARM,
        of("inter_pod_affinity"),
    ),
    _one(
        "plan-turned",
        "a choice hears of the domains whose verdicts changed",
        REQUIRED,
        "                self._turned.append(rows)",
        "                self._turned.append(rows[:0])",
        WARM,
        "tests/property/test_inter_pod_affinity.py",
    ),
    _one(
        "plan-turned-by-few",
        "a domain whose count turned is judged again",
        TALLY,
        "            self.turned.append(code)\n",
        "",
        "tests/property/test_inter_pod_affinity.py",
    ),
    _one(
        "plan-barred",
        "what a late filter refuses stays out of the pages as its row changes",
        PLAN,
        "entries.OK and (self.barred is None or not self.barred.item(row))",
        "entries.OK",
        "tests/unit/engine/test_plan_reuse.py",
    ),
    _one(
        "plan-ports-advance",
        "ports in use follow the pods",
        PORTS,
        "+= delta * self.conflicts[tail.shapes.item(0)]",
        "+= abs(delta) * self.conflicts[tail.shapes.item(0)]",
        WARM,
        of("node_ports"),
    ),
    _one(
        "plan-relabelled",
        "a relabelled node is seen by what counts domains",
        PLAN,
        "if mask & table.NAME or (mask and self._late_reads(mask)):",
        "if mask & table.NAME:",
        MACHINE,
    ),
    _one(
        "plan-epochs",
        "what changes around the cluster rebuilds plans",
        PLAN,
        "if self.version != cluster.outside.version:",
        "if self.version > cluster.outside.version:",
        MACHINE,
    ),
    _one(
        "plan-dropped-entries",
        "a plan older than the log is built anew",
        "cluster/log.py",
        "if start < 0:",
        "if start < -(1 << 40):",
        f"{CLUSTER}/test_log.py",
    ),
    _one(
        "plan-selector-keys",
        "a label that a selector reads tells pods apart",
        TABLE,
        "self.selector_keys.update(shapes.selector_keys(selector), extra)",
        "self.selector_keys.update(shapes.selector_keys(selector))",
        f"{CLUSTER}/test_table.py",
    ),
    _one(
        "pages-recount",
        "the holders of the highest total are counted",
        PAGES,
        "self._counts[page] += 1",
        "self._counts[page] += 0",
        "tests/property/test_ties.py",
    ),
    _one(
        "pages-draw",
        "every tied row is as likely",
        PAGES,
        "index = rng.randrange(ties)",
        "index = min(rng.randrange(ties), rng.randrange(ties))",
        "tests/property/test_ties.py",
    ),
    _one(
        "table-removal",
        "a pod that goes takes its requests along",
        TABLE,
        "self._nonzero[0, row] += sign * cpu",
        "self._nonzero[0, row] += cpu",
        f"{CLUSTER}/test_table.py",
    ),
    _one(
        "table-ghost-row",
        "the row of a node that is gone waits for its pods",
        TABLE,
        "if not self._live.item(row) and not self._requested.item(shapes.PODS, row):",
        "if not self._live.item(row):",
        f"{CLUSTER}/test_table.py",
    ),
    _one(
        "table-undo-order",
        "a trial is undone from its end",
        TABLE,
        "in reversed(journal):",
        "in journal:",
        UNDO,
    ),
    _one(
        "table-heartbeat",
        "what changes nothing leaves no trace",
        TABLE,
        "if changed:\n            self.log.append(row, changed, 0, 0)",
        "self.log.append(row, changed, 0, 0)",
        f"{CLUSTER}/test_table.py",
    ),
    _one(
        "labels-reused-row",
        "a row used again has nothing of the node before",
        NODES,
        "codes.set(row, None)",
        "pass",
        f"{CLUSTER}",
        MACHINE,
    ),
    _one(
        "nominated-priority",
        "nominated pods of the same priority count",
        ATTEMPT,
        "other.priority >= self.pod.priority",
        "other.priority > self.pod.priority",
        f"{ENGINE}/test_cycle.py",
    ),
    _one(
        "nominated-once",
        "rows of nominated pods are judged with and without them",
        ATTEMPT,
        "out[rows] = np.where(crowded == entries.OK, out[rows], crowded)",
        "out[rows] = crowded",
        f"{ENGINE}/test_cycle.py",
    ),
    _one(
        "nominated-assumed",
        "an assumed pod is nominated no more",
        TABLE,
        "self.nominations.pop(pod.uid, None) if self.nominations else None",
        "None",
        UNDO,
    ),
)

MUTANTS = (*ALL, *RESOURCES, *NODE, *SPREADING, *NEIGHBOURS, *IMAGES_AND_VOLUMES, *EXACT)
