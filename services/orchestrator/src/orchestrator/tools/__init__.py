"""The MCP host: which tools there are, whether they may be called, and calling them."""
