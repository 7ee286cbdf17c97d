"""The audit chain: a row for each decision and each side effect, each sealed with the hash of the one before."""
