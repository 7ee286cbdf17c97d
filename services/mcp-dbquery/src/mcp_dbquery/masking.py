"""What the masks of all engines have in common. Imports nothing: SQLite's workers start with it."""

DOTS = "•••"
SHOWN_ONLY_OF_LONGER_THAN = 8
"""Characters. Of a shorter text its last four would be half of it or more."""
