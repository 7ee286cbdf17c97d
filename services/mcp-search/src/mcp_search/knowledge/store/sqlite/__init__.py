"""The knowledge base in one SQLite file: apsw, sqlite-vec for comparing vectors, FTS5 for words."""
