"""`make run`: starts all of Steward on this machine, keeps it going, and stops it without leaving anything."""
