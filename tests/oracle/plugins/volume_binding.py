"""VolumeBinding: claims that are bound fit the node, and those that wait for the pod can be bound there."""

from dataclasses import dataclass, field
from functools import cmp_to_key

from tests.oracle import csi_translation, objects, quantity, selectors, storage
from tests.oracle.cluster import NodeInfo, path
from tests.oracle.csi_translation import TranslationError
from tests.oracle.framework import CycleState, Plugin, Status, failure, skip, unresolvable
from tests.oracle.objects import Node, Object, Pod, annotations_of
from tests.oracle.selectors import LabelSelector, SelectorError

NODE_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind"
NO_SPACE = "node(s) did not have enough free storage"
NO_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
MIGRATED_PLUGINS = "storage.alpha.kubernetes.io/migrated-plugins"
NO_PROVISIONER = "kubernetes.io/no-provisioner"


class BinderError(Exception):
    """What the binder cannot decide."""


@dataclass
class BindingState:
    """The pod's claims: bound ones, and those whose class waits for the first consumer."""

    bound: list[Object] = field(default_factory=list)
    waiting: list[Object] = field(default_factory=list)

    def clone(self) -> "BindingState":
        return self


class VolumeBinding(Plugin):
    name = "VolumeBinding"
    points = frozenset({"preFilter", "filter", "preScore", "score"})

    def pre_filter(self, state: CycleState, pod: Pod) -> tuple[set[str] | None, Status | None]:
        claims = []
        for volume in pod.volumes:
            named = storage.claim_of(pod, volume)
            if named is None:
                continue
            claim = self.cluster.get("PersistentVolumeClaim", named[0], pod.namespace)
            reason = _unusable(pod, *named, claim)
            if reason:
                return None, unresolvable(reason)
            claims.append(claim or {})
        own = state.before_filter[self.name] = BindingState()
        if not claims:
            return None, skip()
        immediate = False
        try:
            for claim in claims:
                if _is_bound(claim):
                    own.bound.append(claim)
                elif self._waits(claim) and not path(claim, "spec", "volumeName"):
                    own.waiting.append(claim)
                else:
                    immediate = True
        except BinderError as error:
            return None, failure(error)
        return None, unresolvable("pod has unbound immediate PersistentVolumeClaims") if immediate else None

    def _waits(self, claim: Object) -> bool:
        name = storage.class_of(claim)
        found = self.cluster.get("StorageClass", name) if name else None
        if found is None:
            return False
        mode = found.get("volumeBindingMode")
        if mode is None:
            raise BinderError(f'VolumeBindingMode not set for StorageClass "{name}"')
        return bool(mode == "WaitForFirstConsumer")

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        own = state.before_filter.get(self.name)
        if not isinstance(own, BindingState):
            return failure("not found")
        try:
            reasons = self._bound_fit(own, info.node) + self._waiting_fit(own, info.node)
        except (BinderError, TranslationError, SelectorError) as error:
            return failure(error)
        return unresolvable(*reasons) if reasons else None

    def _bound_fit(self, own: BindingState, node: Node) -> list[str]:
        """The first claim that does not fit decides."""
        csi_node = self.cluster.get("CSINode", node.name)
        for claim in own.bound:
            volume = self.cluster.get("PersistentVolume", path(claim, "spec", "volumeName"))
            if volume is None:
                return [NO_VOLUME]
            if not storage.matches_node(_on_node(volume, csi_node), node.labels):
                return [NODE_CONFLICT]
        return []

    def _waiting_fit(self, own: BindingState, node: Node) -> list[str]:
        to_match: list[Object] = []
        to_provision: list[Object] = []
        for claim in own.waiting:
            selected = annotations_of(claim).get(storage.SELECTED_NODE)
            if selected is not None and selected != node.name:
                return [BIND_CONFLICT]
            (to_match if selected is None else to_provision).append(claim)
        to_provision += self._unmatched(to_match, node)
        for claim in to_provision:
            reason = self._not_provisionable(claim, node)
            if reason:
                return [reason]
        return []

    def _unmatched(self, claims: list[Object], node: Node) -> list[Object]:
        """Claims for which no volume is left, the smallest served first."""
        taken: set[str] = set()
        left = []
        for claim in sorted(claims, key=cmp_to_key(_by_size)):
            volume = self._match(claim, node, taken)
            if volume is None:
                left.append(claim)
            else:
                taken.add(objects.name_of(volume))
        return left

    def _match(self, claim: Object, node: Node, taken: set[str]) -> Object | None:
        """The volume set aside for the claim, else the smallest that will do."""
        wanted, best = storage.requested(claim), None
        demand = path(claim, "spec", "selector")
        selector = None if demand is None else selectors.label_selector(demand)
        for volume in self.cluster.all("PersistentVolume"):
            size = storage.capacity(volume)
            if storage.class_of(volume) != storage.class_of(claim) or objects.name_of(volume) in taken:
                continue
            if path(volume, "spec", "claimRef") is not None and not storage.is_claimed_by(volume, claim):
                continue
            if size.compare(wanted) < 0 or not _same_form(volume, claim):
                continue
            if (volume.get("metadata") or {}).get("deletionTimestamp") is not None:
                continue
            near = storage.matches_node(volume, node.labels)
            if storage.is_claimed_by(volume, claim):
                return volume if near else None
            if not near or not _is_free_for(volume, claim, selector):
                continue
            if best is None or storage.capacity(best).compare(size) > 0:
                best = volume
        return best

    def _not_provisionable(self, claim: Object, node: Node) -> str:
        name = storage.class_of(claim)
        found = self.cluster.get("StorageClass", name)
        if found is None:
            raise BinderError(f'failed to find storage class "{name}"')
        provisioner = found.get("provisioner") or ""
        if provisioner in ("", NO_PROVISIONER) or not _allowed(found, node):
            return BIND_CONFLICT
        return "" if self._has_capacity(provisioner, claim, name, node) else NO_SPACE

    def _has_capacity(self, provisioner: str, claim: Object, class_name: str, node: Node) -> bool:
        """Only of drivers that publish their capacity, and for claims that ask for some."""
        if path(claim, "spec", "resources", "requests", "storage") is None:
            return True
        driver = self.cluster.get("CSIDriver", provisioner)
        if driver is None or not path(driver, "spec", "storageCapacity"):
            return True
        size = storage.requested(claim).value()
        for published in self.cluster.all("CSIStorageCapacity"):
            limit = published.get("maximumVolumeSize")
            limit = published.get("capacity") if limit is None else limit
            if published.get("storageClassName") != class_name or limit is None:
                continue
            if quantity.parse(limit).value() >= size and _reaches(published, node):
                return True
        return False


def _by_size(one: Object, other: Object) -> int:
    return storage.requested(one).compare(storage.requested(other))


def _unusable(pod: Pod, name: str, ephemeral: bool, claim: Object | None) -> str:
    if claim is None and ephemeral:
        return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
    if claim is None:
        return f'persistentvolumeclaim "{name}" not found'
    if path(claim, "status", "phase") == "Lost":
        volume = path(claim, "spec", "volumeName") or ""
        return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"'
    if path(claim, "metadata", "deletionTimestamp") is not None:
        return f'persistentvolumeclaim "{name}" is being deleted'
    return storage.not_owned(pod, claim) if ephemeral else ""


def _is_bound(claim: Object) -> bool:
    return bool(path(claim, "spec", "volumeName")) and storage.BIND_COMPLETED in annotations_of(claim)


def _on_node(volume: Object, csi_node: Object | None) -> Object:
    """The volume as the node's plugins see it: translated where the node says it has migrated."""
    source = csi_translation.source_of(volume.get("spec") or {})
    if source is None or csi_node is None:
        return volume
    plugin = csi_translation.PLUGINS[source][0]
    migrated = annotations_of(csi_node).get(MIGRATED_PLUGINS) or ""
    if plugin not in csi_translation.MIGRATED or plugin not in migrated.split(","):
        return volume
    try:
        return csi_translation.translated(volume, source)
    except TranslationError as error:
        raise TranslationError(f"could not translate pv: {error}") from error


def _same_form(volume: Object, claim: Object) -> bool:
    """Filesystem or block, and the same attributes class."""
    modes = [path(each, "spec", "volumeMode") or "Filesystem" for each in (volume, claim)]
    classes = [path(each, "spec", "volumeAttributesClassName") or "" for each in (volume, claim)]
    return bool(modes[0] == modes[1] and classes[0] == classes[1])


def _is_free_for(volume: Object, claim: Object, selector: LabelSelector | None) -> bool:
    if path(volume, "status", "phase") != "Available":
        return False
    if selector is not None and not selector.matches(objects.labels_of(volume)):
        return False
    offered = set(path(volume, "spec", "accessModes") or ())
    return set(path(claim, "spec", "accessModes") or ()) <= offered


def _allowed(found: Object, node: Node) -> bool:
    """allowedTopologies: none allow every node, an empty one allows none."""
    terms = found.get("allowedTopologies") or []
    for term in terms:
        demands = [
            {"key": each.get("key"), "operator": "In", "values": each.get("values")}
            for each in term.get("matchLabelExpressions") or []
        ]
        try:
            if demands and selectors.label_selector({"matchExpressions": demands}).matches(node.labels):
                return True
        except SelectorError:
            continue
    return not terms


def _reaches(published: Object, node: Node) -> bool:
    try:
        return selectors.label_selector(published.get("nodeTopology")).matches(node.labels)
    except SelectorError:
        return False
