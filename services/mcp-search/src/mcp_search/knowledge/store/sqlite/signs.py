"""Which vectors may be near, by signs: two bits for each number of a vector are looked at instead of all 32.

Each bit says on which side of a plane the vector points; how many differ between two vectors tells the angle between
them (Charikar, "Similarity Estimation Techniques from Rounding Algorithms", STOC 2002). There the planes are random.
Here they are those of x, y, x + y and x - y for each two numbers x and y, which needs neither a matrix nor chance.
Who is nearest among those that may be is for the vectors themselves to say.
"""

import numpy as np
from numpy.typing import NDArray

from mcp_search.knowledge.ports import Vectors
from mcp_search.knowledge.store.steps import Row

_WORD_OCTETS = 8
"""Signs are compared 64 at a time; each vector's are filled up to that with zeros."""
_ROWS_AT_ONCE = 16
"""So that what is worked on stays in the processor's cache."""


def signs_of(vectors: Vectors) -> bytes:
    """Of each vector, one behind the other."""
    half = vectors.shape[1] // 2
    x, y = vectors[:, :half], vectors[:, half : 2 * half]
    bits = np.packbits(np.concatenate((vectors, x + y, x - y), axis=1) > 0, axis=1)
    return np.pad(bits, ((0, 0), (0, -bits.shape[1] % _WORD_OCTETS))).tobytes()


def numbers_of(chunks: NDArray[np.int64]) -> bytes:
    """The chunks that signs belong to, in the same order."""
    return chunks.astype("<i8").tobytes()


def likeliest(rows: list[Row], vector: Vectors, most: int) -> list[int]:
    """The chunks whose signs are most like the vector's, in no order. Each row is of `numbers_of` and `signs_of`."""
    chunks = np.frombuffer(b"".join(numbers for numbers, _ in rows), dtype="<i8")
    if len(chunks) > most:
        wanted = np.frombuffer(signs_of(vector.reshape(1, -1)), dtype=np.uint64)
        unlike = np.concatenate(
            [
                _unlike([signs for _, signs in rows[place : place + _ROWS_AT_ONCE]], wanted)
                for place in range(0, len(rows), _ROWS_AT_ONCE)
            ]
        )
        chunks = chunks[np.argpartition(unlike, most)[:most]]
    return chunks.tolist()


def _unlike(rows: list[bytes], wanted: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """For each vector, how many of its signs differ."""
    signs = np.frombuffer(b"".join(rows), dtype=np.uint64).reshape(-1, len(wanted))
    return np.bitwise_count(signs ^ wanted).sum(axis=1, dtype=np.uint32)
