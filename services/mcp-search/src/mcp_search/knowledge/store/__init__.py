"""Where the knowledge base is kept: one SQLite file, or a PostgreSQL database with pgvector. Both do the same."""
