"""The knowledge base in PostgreSQL: psycopg, pgvector for vectors, text search for words."""
