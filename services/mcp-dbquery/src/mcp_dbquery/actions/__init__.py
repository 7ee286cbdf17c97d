"""Declared actions: what may be changed, by whom, once."""
