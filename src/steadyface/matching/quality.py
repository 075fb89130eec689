"""How far a comparison's threshold rises where neither image can be trusted.

Bad images attract each other: embeddings of strangers spread wider, so high scores among them are
more frequent, the less both images show. One bad image beside a good one does hardly any harm. On
CelebA the threshold for a given FMR rises in proportion to (1 - quality of the one) times
(1 - quality of the other), see docs/decisions.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def unreliability(quality: ArrayLike | None) -> NDArray[np.float64]:
    """1 - quality, 0..1; 0 where the quality is not known (None or NaN).

    Args:
        quality: a number or an array of any shape, 0..1, see `Face.quality`.

    Returns:
        float64 of the same shape; of shape () for None.
    """
    known: NDArray[Any] = np.asarray(np.nan if quality is None else quality, dtype=np.float64)
    return np.asarray(np.where(np.isnan(known), 0.0, 1.0 - known))
