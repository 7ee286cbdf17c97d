"""The command `steward`: what an operator does by hand. Nothing here needs a running orchestrator."""
