"""Mailboxes kept in a file of our own, for first runs: everybody has one, and nothing leaves the machine."""
