"""Vectors from hashed letter groups: the same text gives the same vector, similar spellings similar ones.

No language model, so no meaning: good for trying things out without a key, and for tests.
"""

import base64
import hashlib
import math
import struct
from typing import Any

from demo_model.request import EmbeddingsRequest

DIMENSIONS = 256
GROUP = 3
"""Letters in a group."""


def embeddings(request: EmbeddingsRequest) -> dict[str, Any]:
    """The body of the answer. The openai client asks for base64 and decodes it itself."""
    dimensions = request.dimensions or DIMENSIONS
    vectors = [embed(text, dimensions) for text in request.texts]
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _packed(vector) if request.encoding_format == "base64" else vector,
        }
        for index, vector in enumerate(vectors)
    ]
    tokens = sum(len(text) for text in request.texts) // 4 + 1
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "model": request.model, "data": data, "usage": usage}


def embed(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A vector of length 1; of zeros for text without a letter."""
    words = text.lower().split()
    vector = [0.0] * dimensions
    if not words:
        return vector
    padded = f" {' '.join(words)} "
    for start in range(len(padded) - GROUP + 1):
        group = padded[start : start + GROUP].encode("utf-8", "surrogatepass")
        value = int.from_bytes(hashlib.blake2b(group, digest_size=8).digest(), "big")
        vector[(value >> 1) % dimensions] += 1.0 if value & 1 else -1.0
    length = math.sqrt(sum(value * value for value in vector))
    return [value / length for value in vector] if length else vector


def _packed(vector: list[float]) -> str:
    """Little-endian 32-bit floats in base64."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
