"""An OpenAI-compatible server without a language model: for first runs, tests and load."""
