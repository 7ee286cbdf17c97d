"""Lets an agent ask a database, and change it only by declared actions."""
