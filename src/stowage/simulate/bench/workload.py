"""Workload files: templates of nodes and pods, and how many of each.

In a template's strings `${i}` stands for the number of the object, from 0; `${i%3}` or `${i/10*7+100}`
for what it computes, from left to right, in whole numbers. Of a pending pod it is the number of its
*variant*: with `variants: 10`, ten different pods take turns. Names and uids are made here.
"""

from __future__ import annotations

import copy
import itertools
import json
import operator
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

import stowage
from stowage.api import decode, defaults, objects, validate, yamltext

DEFAULT = (
    "basic",
    "node-affinity",
    "affinity",
    "preferred-affinity",
    "preferred-anti-affinity",
    "unschedulable",
    "spread",
    "preferred-spread",
    "anti-affinity",
    "distinct",
)
"""What runs where no workload is named."""

Json = dict[str, Any]


class WorkloadError(Exception):
    """A workload that is not there or not written right; the message is a sentence."""


class Nodes(msgspec.Struct, forbid_unknown_fields=True):
    count: int
    template: Json


class Pods(msgspec.Struct, forbid_unknown_fields=True):
    count: int
    template: Json
    variants: int = 1
    """So many different pods take turns; more than ``count``: every pod is different."""


class Bound(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Pods that run already: ``per_node`` (a share, too) on each node, dealt out in turn."""

    per_node: float
    template: Json


class Workload(msgspec.Struct, forbid_unknown_fields=True):
    """One file. ``floor``: the ratio to the real kube-scheduler that is to be reached at these counts."""

    description: str
    nodes: Nodes
    pods: Pods
    name: str = ""
    objects: list[Json] = []
    bound: list[Bound] = []
    floor: float | None = None
    reference: bool = True
    """Whether the real kube-scheduler can be asked to do the same in bearable time."""

    def scaled(self, nodes: int | None, pods: int | None) -> Workload:
        """The same with other counts, to which no floor applies."""
        nodes, pods = nodes or self.nodes.count, pods or self.pods.count
        if (nodes, pods) == (self.nodes.count, self.pods.count):
            return self
        changed = copy.copy(self)
        changed.nodes = msgspec.structs.replace(self.nodes, count=nodes)
        changed.pods = msgspec.structs.replace(self.pods, count=pods)
        changed.floor = None
        return changed

    def node_texts(self) -> Iterator[bytes]:
        """Every node as JSON."""
        template = Template(self.nodes.template, "node")
        return (template.text(i, i) for i in range(self.nodes.count))

    def bound_texts(self) -> Iterator[bytes]:
        """Every pod that runs already, as JSON."""
        placed = 0
        for number, bound in enumerate(self.bound):
            template = Template(bound.template, f"bound-{number}", node=True)
            for i in range(round(bound.per_node * self.nodes.count)):
                yield template.text(i, i, f"node-{placed % self.nodes.count}")
                placed += 1

    def pod_texts(self) -> Iterator[bytes]:
        """Every pending pod as JSON."""
        template = Template(self.pods.template, "pod")
        return (template.text(i % self.pods.variants, i) for i in range(self.pods.count))

    def variant_texts(self) -> Iterator[bytes]:
        """Each different pending pod once, as JSON."""
        template = Template(self.pods.template, "pod")
        return (template.text(i, i) for i in range(min(self.pods.variants, self.pods.count)))


_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
_COMPUTED = re.compile(r"i(?:[*/%+](?:0|[1-9]\d*))*")
_STEP = re.compile(r"[*/%+]\d+")
_OPERATIONS = {"*": operator.mul, "/": operator.floordiv, "%": operator.mod, "+": operator.add}
_NAME, _NODE = "$name", "$node"


class Template:
    """An object with placeholders, ready to be written out many times."""

    def __init__(self, written: Json, prefix: str, *, node: bool = False) -> None:
        raw = copy.deepcopy(written)
        raw.setdefault("metadata", {}).update(name=f"${{{_NAME}}}", uid=f"${{{_NAME}}}")
        if node:
            raw.setdefault("spec", {})["nodeName"] = f"${{{_NODE}}}"
        self._prefix = prefix
        pieces = _PLACEHOLDER.split(json.dumps(raw))
        self._fixed = pieces[::2]
        self._made = [_expression(text, prefix) for text in pieces[1::2]]

    def text(self, i: int, number: int, node: str = "") -> bytes:
        """Object ``number``, its placeholders computed from ``i``."""
        name = f"{self._prefix}-{number}"
        parts = [self._fixed[0]]
        for made, fixed in zip(self._made, self._fixed[1:], strict=True):
            parts += (made(i, name, node), fixed)
        return "".join(parts).encode()


def _expression(text: str, where: str) -> Callable[[int, str, str], str]:
    if text == _NAME:
        return lambda i, name, node: name
    if text == _NODE:
        return lambda i, name, node: node
    if not _COMPUTED.fullmatch(text) or any(step in ("/0", "%0") for step in _STEP.findall(text)):
        raise WorkloadError(f"the {where} template has ${{{text}}}, which cannot be computed")
    steps = [(step[0], int(step[1:])) for step in _STEP.findall(text)]

    def compute(i: int, name: str, node: str) -> str:
        for operation, operand in steps:
            i = _OPERATIONS[operation](i, operand)
        return str(i)

    return compute


def decoded(text: bytes) -> objects.Object:
    """The object of a JSON text; pods with an API server's defaults."""
    (document,) = decode.documents(text)
    found = decode.decode(document)
    return defaults.default_pod(found) if isinstance(found, objects.Pod) else found


def folders() -> list[Path]:
    """Where workload files are looked for: `benchmarks` here, then in the package's working copy."""
    return [Path("benchmarks"), Path(stowage.__file__).parents[2] / "benchmarks"]


def find(name: str) -> Workload:
    """A workload by its name, or by the path of its file. WorkloadError where there is none."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml", ".json"):
        return load(path)
    for folder in folders():
        if (folder / f"{name}.yaml").is_file():
            return load(folder / f"{name}.yaml")
    known = sorted({file.stem for folder in folders() for file in folder.glob("*.yaml")})
    there = f"there are {', '.join(known)}" if known else "there is no folder benchmarks here"
    raise WorkloadError(f"no workload {name}: {there}")


def load(path: Path) -> Workload:
    """Reads a file. WorkloadError says what is wrong with it."""
    try:
        documents = yamltext.parse(path.read_bytes())
        (document,) = documents
        found = msgspec.convert(document, Workload)
    except OSError as error:
        raise WorkloadError(f"{path}: cannot be read: {error.strerror}") from None
    except yamltext.YamlError as error:
        raise WorkloadError(f"{path}: {error}") from None
    except ValueError as error:
        message = str(error) if isinstance(error, msgspec.ValidationError) else "is not one document"
        raise WorkloadError(f"{path}: {message}") from None
    for what, count in (
        ("nodes", found.nodes.count),
        ("pods", found.pods.count),
        ("variants", found.pods.variants),
    ):
        if count < 1:
            raise WorkloadError(f"{path}: {what}: {count} is less than 1")
    found.name = found.name or path.stem
    try:
        _make_one_of_each(found)
    except (WorkloadError, decode.DecodeError) as error:
        raise WorkloadError(f"{path}: {error}") from None
    return found


def _make_one_of_each(found: Workload) -> None:
    """Errors of the templates, before any time is spent."""
    for item in found.objects:
        decoded(json.dumps(item).encode())
    for texts, kind in (
        (found.node_texts(), objects.Node),
        (found.bound_texts(), objects.Pod),
        (found.pod_texts(), objects.Pod),
    ):
        for text in itertools.islice(texts, 1):
            _usable(text, kind)


def _usable(text: bytes, kind: type[objects.Object]) -> None:
    """WorkloadError where the object of a text is of another kind, is wrong, or is for another scheduler."""
    item = decoded(text)
    name = str(validate.identity(item))
    if not isinstance(item, kind):
        raise WorkloadError(f"{name}: kind: should be {kind.__name__}")
    for each in validate.problems(item):
        if each.path != "spec.containers":  # a template may do without: such a pod asks for nothing
            raise WorkloadError(f"{name}: {each.path}: {each.message}")
    if isinstance(item, objects.Pod) and item.spec.scheduler_name != "default-scheduler":
        raise WorkloadError(f"{name}: spec.schedulerName: only default-scheduler runs here")
