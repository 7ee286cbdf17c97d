"""SQLite: statements run in worker processes, confined by the engine's own authorizer."""
