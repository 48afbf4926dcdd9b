"""The extension points, as plugins see them. A plugin implements those it needs.

A plugin answers for all nodes at once. ``rows`` is whatever indexes a column of the table: a
slice (all rows), an int array, or, where the plugin sets ``scalar``, one int. The answer has one
element a row, or is a plain int that holds for every row asked about.

Life of an answer. ``pre_filter`` and ``pre_score`` run when a *plan* is built, which serves every
pod that asks for the same; their state must depend on nothing but the pod's shape, the labels
some selector reads, which nodes exist, and the objects around them (namespaces, owners, storage,
images): of what a state took from other columns, or from pods, a ROW plugin hears no more. The
plugin's ``kind`` says how the engine keeps its answers true as the cluster changes:

- ``ROW``: the answer for a row depends on that row's columns alone; it is computed again for
  changed rows only.
- ``DOMAIN``: the answer depends on pods elsewhere too, through the state. The engine offers each
  change to ``state.advance``; it computes the answer afresh for every cycle, or where a state says
  which rows turned, for these.
- ``CYCLE``: anything at all. Every part runs every cycle, nothing is kept.

A score whose plugin has ``normalize`` is kept raw; ``normalize`` runs over the feasible rows of
each cycle.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from stowage.cluster import log, pods, table
from stowage.framework import events, overlay, status

Rows = slice | np.ndarray | int
Answer = np.ndarray | int
MAX_SCORE = 100
"""The highest score of a plugin on a node, before its weight."""


class Kind(enum.Enum):
    """How the engine keeps a plugin's answers; see the module's docstring."""

    ROW = "row"
    DOMAIN = "domain"
    CYCLE = "cycle"


@dataclass(frozen=True, slots=True)
class PreFiltered:
    """A successful ``pre_filter``: its state, and the only nodes worth a look (None: all of them)."""

    state: Any = None
    nodes: frozenset[str] | None = None


@runtime_checkable
class Advancing(Protocol):
    """A state that keeps itself true.

    It may have a bool attribute ``idle``: for now it passes every row and adds nothing to any
    score, so that a choice need not ask it. A filter's may have a method ``turned``: the rows (int[n])
    whose answers may have changed since it was asked last, or None for any, so that only these are asked
    about again.
    """

    def advance(self, cluster: table.Table, tail: log.Tail) -> bool:
        """Applies pods that came and went (entries with delta 0 are nodes: not its business).

        False: it cannot, and the plan is to be built anew.
        """
        ...


class Plugin:
    """Base of all plugins."""

    name: ClassVar[str]
    kind: ClassVar[Kind] = Kind.ROW
    reads: ClassVar[frozenset[str]] = frozenset()
    """Attributes of the table that the plugin touches; a view in the tests refuses all others."""
    scalar: ClassVar[bool] = False
    """Whether ``filter`` and ``score`` also take one int row and answer with an int."""

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """The changes that may help a pod which this plugin rejected. The default is all of them.

        Asked of a plugin that has PreEnqueue, PreFilter, Filter, Reserve or Permit: others reject nobody.
        """
        return events.EVERYTHING


class PreEnqueuePlugin(Plugin):
    """Runs before a pod enters the active queue."""

    def pre_enqueue(self, pod: pods.Incoming) -> status.Status | None:
        """None lets it in; a status keeps it out until an event the plugin registered."""
        raise NotImplementedError


class QueueSortPlugin(Plugin):
    """Orders the active queue; a profile has exactly one, the same in all profiles."""

    def sort_key(self, pod: pods.Incoming, queued: float) -> Any:
        """A key that orders pods, smallest first. ``queued``: when it entered, seconds."""
        raise NotImplementedError


class PreFilterPlugin(Plugin):
    """Runs once, before the filters."""

    missing_state: ClassVar[str] = ""
    """What the filter errs with in a profile that leaves PreFilter out; empty: it takes the pod as state."""

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> PreFiltered | status.Status:
        """The state for ``filter``; SKIP where the filter need not run; or a refusal for every node."""
        raise NotImplementedError


class FilterPlugin(Plugin):
    """Says which nodes can take the pod."""

    fallible: ClassVar[bool] = False
    """Whether a code may mean an ERROR, which fails the whole attempt and not the node."""

    def filter(self, state: Any, cluster: table.Table, rows: Rows, change: overlay.Overlay | None) -> Answer:
        """int[rows]: 0 where the pod may go, else the plugin's own code below 2**48 for ``explain``.

        ``change``, if any, has exactly ``rows`` (an array) as its rows. Without ``pre_filter``,
        ``state`` is the pod.
        """
        raise NotImplementedError

    def explain(self, state: Any, cluster: table.Table, code: int) -> status.Status:
        """What a code of ``filter`` means."""
        raise NotImplementedError


class ScorePlugin(Plugin):
    """Ranks the nodes that can take the pod."""

    missing_score_state: ClassVar[str] = ""
    """What the score errs with in a profile that leaves PreScore out; empty: it makes its state itself."""

    def pre_score(self, pod: pods.Incoming, cluster: table.Table) -> Any:
        """The state for ``score``, or `status.SKIP`: no score at all, or an ERROR. The default is the pod."""
        return pod

    def score(self, state: Any, cluster: table.Table, rows: Rows) -> Answer:
        """int64[rows]. For DOMAIN and CYCLE ``rows`` are exactly the feasible ones."""
        raise NotImplementedError


@runtime_checkable
class Normalizing(Protocol):
    """A score that is relative to the other feasible nodes."""

    def normalize(self, state: Any, raw: np.ndarray) -> np.ndarray:
        """int64[n] in 0..100 from int64[n], one a feasible node."""
        ...


class PostFilterPlugin(Plugin):
    """Runs where no node can take the pod."""

    def post_filter(self, pod: pods.Incoming, attempt: Attempt) -> PostFiltered:
        """Makes room, or says why it cannot."""
        raise NotImplementedError


class ReservePlugin(Plugin):
    """Keeps state of its own about placed pods."""

    def reserve(self, pod: pods.Incoming, node: str, context: BindContext) -> status.Status | None:
        """Claims what the pod needs on ``node``. None is success."""
        raise NotImplementedError

    def unreserve(self, pod: pods.Incoming, node: str, context: BindContext) -> None:
        """Gives it back; called for every reserve plugin, in reverse order; must not fail."""
        raise NotImplementedError


class PermitPlugin(Plugin):
    """Approves, denies, or delays a binding."""

    def permit(
        self, pod: pods.Incoming, node: str, context: BindContext
    ) -> tuple[status.Status | None, float]:
        """(None, 0) approves; any other status than WAIT denies.

        (`status.WAIT`, seconds): the pod waits until this plugin, and every other that said so, allows it
        through ``context.waiting``, at most so many seconds and 15 minutes; then it is denied.
        """
        raise NotImplementedError


class PreBindPlugin(Plugin):
    """Does what must be done before the binding is written."""

    def has_work(self, pod: pods.Incoming, node: str, context: BindContext) -> bool:
        """Whether ``pre_bind`` has anything to do; where none has, nobody is told before the binding."""
        return True

    def pre_bind(self, pod: pods.Incoming, node: str, context: BindContext) -> status.Status | None:
        """None is success."""
        raise NotImplementedError


class BindPlugin(Plugin):
    """Writes the binding; the first that does not answer SKIP has done it."""

    def bind(self, pod: pods.Incoming, node: str, context: BindContext) -> status.Status | None:
        """None is success."""
        raise NotImplementedError


class PostBindPlugin(Plugin):
    """Is told that a pod was bound."""

    def post_bind(self, pod: pods.Incoming, node: str, context: BindContext) -> None:
        """Informational."""
        raise NotImplementedError


class Binder(Protocol):
    """Where bindings and the writes before them go: an API server, or a record of them."""

    def bind(self, pod: pods.Incoming, node: str) -> status.Status | None:
        """Binds the pod. None is success."""
        ...

    def patch(self, item: Any) -> status.Status | None:
        """Writes an object that a PreBind plugin changed (a claim or a volume). None is success."""
        ...


class Waiting(Protocol):
    """The pods that wait because a Permit plugin said WAIT. To be used in the event loop's thread only."""

    def __iter__(self) -> Iterator[pods.Incoming]:
        """All of them."""
        ...

    def allow(self, uid: str, plugin: str) -> None:
        """``plugin`` waits no longer; where no other does, the pod is bound. Nothing where none waits."""
        ...

    def reject(self, uid: str, plugin: str, message: str) -> bool:
        """The pod is unschedulable, for a reason that ``plugin`` gives; False where none waits."""
        ...


class NobodyWaits:
    """Where bindings are only recorded, a pod that is to wait is taken to be allowed at once."""

    def __iter__(self) -> Iterator[pods.Incoming]:
        """None."""
        return iter(())

    def allow(self, uid: str, plugin: str) -> None:
        """Nothing."""

    def reject(self, uid: str, plugin: str, message: str) -> bool:
        """False."""
        return False


@dataclass(slots=True)
class BindContext:
    """What the plugins of the binding cycle may use; ``states`` is theirs, by plugin name."""

    cluster: table.Table
    binder: Binder
    states: dict[str, Any] = field(default_factory=dict)
    waiting: Waiting = field(default_factory=NobodyWaits)


@dataclass(frozen=True, slots=True)
class Victims:
    """The pods to evict from one node, most important first, and how many of them break a budget."""

    pods: tuple[pods.Incoming, ...]
    violations: int


@dataclass(frozen=True, slots=True)
class PostFiltered:
    """What PostFilter achieved: a node to nominate and its victims, or a status that says why not."""

    status: status.Status
    node: str = ""
    victims: Victims | None = None
    candidates: Mapping[str, Victims] = field(default_factory=dict)
    """node -> its victims, for every node that evicting can help; to be read before the table changes"""
    clears: bool = False
    """Without a node: the pod's present nomination is void; otherwise it stays as it is."""
    amended: Callable[[Mapping[str, Victims] | str], PostFiltered] | None = None
    """What comes of it where others have a say: of the candidates they leave, or the error they met."""


class Attempt(Protocol):
    """A failed cycle, as PostFilter sees it."""

    cluster: table.Table
    asked: frozenset[str]
    """The plugins whose PreFilter ran; a refusal may have ended it early."""

    def codes(self) -> np.ndarray:
        """int8[size]: each row's status code; rows without a node hold SUCCESS."""
        ...

    def fits(self, change: overlay.Overlay) -> np.ndarray:
        """bool[k]: whether the pod passes every filter on each row of ``change``, nominated pods included."""
        ...

    def verdicts(self, change: overlay.Overlay) -> Mapping[status.Status, int]:
        """As ``fits``: how many rows of ``change`` are refused, by the status they are refused with."""
        ...
