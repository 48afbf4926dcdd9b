"""The pods that wait for something to happen, by what can help them.

Pods that are alike in what a hint may depend on are *kin*: a change is judged once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from stowage.cluster import table
from stowage.scheduler.queueing import entry


class Kin(NamedTuple):
    """What hints may depend on, of a waiting pod."""

    shape: int
    labels: tuple[int, tuple[tuple[str, str | None], ...]]
    """Those that some selector reads."""
    rejecting: frozenset[str]
    pending: frozenset[str]
    gate: str
    uid: str
    """Where a hint may depend on anything of the pod, it has no kin but itself."""


class Pool:
    """Entries by pod key, filed by kin, and kin by rejecting plugin."""

    def __init__(self, cluster: table.Table, kin_of: Callable[[entry.Entry], Kin]) -> None:
        self._cluster = cluster
        self._kin_of = kin_of
        self._filed: dict[str, tuple[entry.Entry, Kin]] = {}
        self._members: dict[Kin, dict[str, entry.Entry]] = {}
        self._by_plugin: dict[str, dict[Kin, None]] = {}
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._filed)

    def __contains__(self, key: str) -> bool:
        return key in self._filed

    def __iter__(self) -> Iterator[entry.Entry]:
        return (item for item, _ in self._filed.values())

    def get(self, key: str) -> entry.Entry | None:
        """The entry of a pod."""
        found = self._filed.get(key)
        return found and found[0]

    @property
    def gated(self) -> int:
        """How many of them a PreEnqueue plugin keeps out."""
        return sum(len(members) for kin, members in self._members.items() if kin.gate)

    def put(self, item: entry.Entry) -> None:
        """Adds an entry, or files it anew."""
        key = item.pod.key
        self.discard(key)
        kin = self._kin_of(item)
        self._filed[key] = (item, kin)
        members = self._members.get(kin)
        if members is None:
            members = self._members[kin] = {}
            for plugin in kin.rejecting:
                self._by_plugin.setdefault(plugin, {})[kin] = None
        members[key] = item

    def discard(self, key: str) -> entry.Entry | None:
        """Takes the entry of a pod out."""
        found = self._filed.pop(key, None)
        if found is None:
            return None
        item, kin = found
        members = self._members[kin]
        del members[key]
        if not members:
            del self._members[kin]
            for plugin in kin.rejecting:
                del self._by_plugin[plugin][kin]
        return item

    def rejected_by(self, plugins: Iterable[str]) -> Iterator[tuple[Kin, Mapping[str, entry.Entry]]]:
        """The kin that any of these plugins rejected, each with its members."""
        self._refile()
        kin: dict[Kin, None] = {}
        for plugin in plugins:
            kin.update(self._by_plugin.get(plugin, {}))
        return ((each, self._members[each]) for each in kin)

    def _refile(self) -> None:
        """Where a selector that is new reads more labels, kin may have drifted apart."""
        epoch = len(self._cluster.selector_keys)
        if epoch == self._epoch:
            return
        self._epoch = epoch
        for item in list(self):
            self.put(item)
