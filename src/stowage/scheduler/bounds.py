"""What a scheduler may keep beside the cluster itself: the bounds of its caches and queues.

A cluster costs what it is large, some 1.5 KiB a pod; what stands here comes on top and is bounded whatever
happens. docs/memory.md has the figures.
"""

from __future__ import annotations

import dataclasses
from typing import Final


@dataclasses.dataclass(frozen=True)
class Bounds:
    """The usual bounds."""

    plan_bytes: int = 256 << 20
    """Of what is known of pods' shapes on all nodes; beyond, the plan used least recently is made anew."""
    records: int = 1 << 16
    """Decisions on record, some 64 bytes each."""
    decisions: int = 4096
    """Decisions kept for `GET /decisions`, up to 2 KiB each."""
    events: int = 20_000
    """Events that wait to be sent, some 750 bytes each: a burst of bindings of ten seconds or more."""
    series: int = 10_000
    """Events remembered so that their like become a series, some 750 bytes each."""
    news: int = 2000
    """Objects that watches have brought and that are not applied yet, some 2 KiB each."""
    unused: int = 50_000
    """Pod specs and sets of labels remembered that no pod has any more, up to 2.6 KiB each."""
    page: int = 500
    """Objects a page of a list, whose JSON is there at once; client-go's."""


USUAL: Final = Bounds()

LOW: Final = Bounds(
    plan_bytes=24 << 20,
    records=1 << 12,
    decisions=512,
    events=5000,
    series=2000,
    news=250,
    unused=5000,
    page=100,
)
"""`--low-memory`: together some 40 MiB at most, beside 100 MiB of the program and the cluster itself."""
