"""The page people chat in: sign-in, sessions, and the relay between browsers and the orchestrator."""
