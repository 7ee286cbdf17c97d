"""What turns texts into vectors: a model on this machine, somebody's endpoint, or nothing."""
