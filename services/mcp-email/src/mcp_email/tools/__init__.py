"""The tools, by kind."""
