"""Sending: once, to whom the person saw, or not at all."""
