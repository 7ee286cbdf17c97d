"""What makes a store of an older version one of this version, on both engines."""

VERSION = 2
UPGRADES = {1: "ALTER TABLE gap ADD COLUMN asked_as TEXT NOT NULL DEFAULT ''"}
"""To the version after each."""
