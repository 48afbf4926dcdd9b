"""The pods that are being scheduled or bound, and what happened meanwhile.

Rules: kube-scheduler's backend/queue/active_queue.go. What no pod under way was there to see is
forgotten.
"""

from __future__ import annotations

from collections import Counter, deque
from itertools import islice

from stowage.scheduler.queueing import hints


class Flight:
    """Uids of pods, each with the number of changes seen when it set out; and the changes since the first."""

    def __init__(self) -> None:
        self._since: dict[str, int] = {}
        self._seen: deque[hints.Seen] = deque()
        self._forgotten = 0

    def __len__(self) -> int:
        return len(self._since)

    def __contains__(self, uid: str) -> bool:
        return uid in self._since

    @property
    def changes(self) -> int:
        """How many changes are kept."""
        return len(self._seen)

    @property
    def labels(self) -> Counter[str]:
        """Of what kind they are."""
        return Counter(seen.change.event.label for seen in self._seen)

    def start(self, uid: str) -> None:
        """A pod sets out."""
        self._since[uid] = self._forgotten + len(self._seen)

    def note(self, seen: hints.Seen) -> None:
        """Keeps a change for the pods under way, if there are any."""
        if self._since:
            self._seen.append(seen)

    def seen_by(self, uid: str) -> list[hints.Seen]:
        """What happened since a pod set out. KeyError where it has not."""
        return list(islice(self._seen, self._since[uid] - self._forgotten, None))

    def done(self, uid: str) -> None:
        """A pod arrived; one that is not under way is no error."""
        if self._since.pop(uid, None) is None:
            return
        first = next(iter(self._since.values()), self._forgotten + len(self._seen))
        while self._forgotten < first:
            self._seen.popleft()
            self._forgotten += 1
