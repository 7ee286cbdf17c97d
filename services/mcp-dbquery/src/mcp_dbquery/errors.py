"""Everything the model may hear from this server when something does not work."""

from mcp.server.mcpserver.exceptions import ToolError

from shared.mcp_server import Refused


class QueryRefused(Refused):
    """The statement may not run here; the text says why and what to do instead."""


class QueryFailed(ToolError):
    """The database could not run the statement; the text helps to mend it."""


class QueryTooSlow(ToolError):
    """The statement was stopped when its time was up."""


class UnknownTable(ToolError):
    """A table that is not there, or not visible: both read the same."""


class ActionRefused(Refused):
    """The action may not be done by this person or in this way."""


class ActionFailed(ToolError):
    """Nothing was changed; the text says why."""


class OutcomeUnknown(ToolError):
    """An earlier try with the same key broke off between doing and noting it."""


class BadSetup(Exception):
    """The server cannot start like this; the message says what to change."""
