"""Vectors from hashed letter groups: the same text gives the same vector, similar spellings similar ones.

No language model, so no meaning: good for trying things out without a key, and for tests.
"""

import hashlib
import math

DIMENSIONS = 256
GROUP = 3


def embed(text: str) -> list[float]:
    """A vector of length 1; of zeros for empty text."""
    vector = [0.0] * DIMENSIONS
    padded = f"  {' '.join(text.lower().split())} "
    for start in range(len(padded) - GROUP + 1):
        digest = hashlib.blake2b(padded[start : start + GROUP].encode(), digest_size=4).digest()
        number = int.from_bytes(digest, "big")
        vector[number % DIMENSIONS] += 1.0 if number & 1 << 31 else -1.0
    length = math.sqrt(sum(value * value for value in vector))
    return [value / length for value in vector] if length else vector
