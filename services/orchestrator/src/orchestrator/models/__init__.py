"""The model port: one protocol over any OpenAI-compatible server."""
