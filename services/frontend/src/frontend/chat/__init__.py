"""The chat page, its JSON calls, its sockets, and the relay of events."""
