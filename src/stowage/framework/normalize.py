"""The normalisation that several plugins share (helper/normalize_score.go)."""

from __future__ import annotations

import numpy as np

from stowage.framework import interface


def by_maximum(raw: np.ndarray, *, reverse: bool) -> np.ndarray:
    """int64[n]: ``raw`` scaled so that its highest becomes 100; reversed, the highest becomes 0.

    All zero stays zero, reversed all 100. ``raw`` is not negative; division truncates.
    """
    highest = int(raw.max(initial=0))
    if highest == 0:
        return np.full(len(raw), interface.MAX_SCORE if reverse else 0, np.int64)
    scaled = raw * interface.MAX_SCORE // highest
    return interface.MAX_SCORE - scaled if reverse else scaled
