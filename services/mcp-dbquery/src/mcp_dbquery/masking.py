"""What the masks of all engines have in common. Imports nothing: SQLite's workers start with it."""

DOTS = "•••"
SHOWN_ONLY_OF_LONGER_THAN = 8
"""Characters. Of a shorter text its last four would be half of it or more."""
HASH_CHARACTERS = 20
"""Of the 64 that a hash has: 80 bits, so two values of one database do not meet by chance."""
