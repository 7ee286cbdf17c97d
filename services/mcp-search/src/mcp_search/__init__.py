"""An MCP server for the web and for an organisation's own documents."""
