"""Makes text of files that others made, in a process of its own. `process.parse` is the way in.

Everything else here is imported by that process and must load quickly: no MCP, no web framework.
"""
