"""`make bench`: how fast words arrive, and what they cost, against the bare model in the same run."""
