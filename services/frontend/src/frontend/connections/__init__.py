"""Signing in at tool servers of others: the pages and the way there and back. Tokens never come here."""
