"""Vectors as the store wants them: of length 1, single precision."""

import numpy as np
from numpy.typing import NDArray

from mcp_search.knowledge.ports import Vectors


def of_length_one(vectors: NDArray[np.floating]) -> Vectors:
    """Each row by its own length. Raises ValueError for one that has none, or is not of numbers."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(vectors).all() and (lengths > 0).all()):
        raise ValueError("a vector without a direction")
    return (vectors / lengths).astype(np.float32)
