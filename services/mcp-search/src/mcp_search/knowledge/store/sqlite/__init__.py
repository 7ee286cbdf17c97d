"""The knowledge base in one SQLite file: apsw, sqlite-vec for vectors, FTS5 for words."""
