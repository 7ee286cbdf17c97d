"""A turn is everything from one question to its end: an append-only log and what drives it."""
