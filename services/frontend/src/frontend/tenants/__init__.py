"""Organisations: who belongs to them, how one gets in, and how they end."""
