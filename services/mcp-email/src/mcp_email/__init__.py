"""An MCP server for mail: sent once, to whom you saw, or not at all."""
