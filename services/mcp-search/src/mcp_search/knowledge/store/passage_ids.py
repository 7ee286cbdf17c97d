"""How a passage is named: short enough to stand in an answer's text, and the same whenever the same file is indexed."""

import base64
import hashlib

LENGTH = 10
"""50 bits: of a million passages of a tenant two collide once in two thousand times, and are then named anew."""


def passage_id(document_id: str, sha256: str, ordinal: int, attempt: int = 0) -> str:
    """`[a-z2-7]{10}`. `attempt` is above 0 for the rare one whose name another document's passage has already."""
    named = f"{document_id}\n{sha256}\n{ordinal}" + (f"\n{attempt}" if attempt else "")
    return base64.b32encode(hashlib.sha256(named.encode()).digest())[:LENGTH].decode().lower()
