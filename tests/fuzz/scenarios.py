"""The stream of scenarios of a seed, over the wild families and the tame ones of the recorded set."""

from collections.abc import Iterator, Sequence

from tests.fuzz import families
from tests.fuzz.world import Json
from tests.reference import scenarios as recorded

# The recorded set's two large families take too long to shrink.
TAME = [name for name in (*recorded.FAMILIES, *recorded.LATER) if "large" not in name]
ALL = [*families.FAMILIES, *TAME]


def stream(seed: int, count: int, names: Sequence[str]) -> Iterator[Json]:
    """`count` scenarios, the families in turn; the same for the same arguments."""
    for i in range(count):
        family = names[i % len(names)]
        if family in families.FAMILIES:
            yield families.scenario(family, seed, i)
        else:
            made: Json = recorded.Gen(seed * 1_000_003 + i).scenario(f"{family}-{seed}-{i:05d}", family)
            yield made
