"""Tools for developing and trying Steward: the launcher, benchmarks, checks. Never shipped."""
