"""Conversations: what belongs together, to whom, under which title."""
