"""Everything the model may hear from this server when something does not work. Texts never repeat a stored value."""

from shared.mcp_server import Problem, Refused


class StatementRefused(Refused):
    """The statement may not run here. `details`: `rule`, and `position` (characters from 1) where it is known."""

    code = "sql_rejected"


class StatementInvalid(Problem):
    """The database cannot read or run the statement as it is written. `details`: `position` where it is known."""

    code = "syntax_error"


class UnknownRelation(Problem):
    """A table or column that is not there, or not for this person: both read the same. `details`: `did_you_mean`."""

    code = "unknown_relation"


class UnknownDatabase(Problem):
    """A database that is not there, or not for this person."""

    code = "unknown_database"


class TooExpensive(Refused):
    """The planner expects more work than is allowed. `details`: `cost`, `rows`, `node`."""

    code = "too_expensive"


class TooSlow(Problem):
    """The statement was stopped when its time was up."""

    code = "timeout"


class TooLarge(Problem):
    """The statement outgrew its memory, or one row the largest answer."""

    code = "result_too_large"


class TooBusy(Refused):
    """This person asks too much at once or in a minute."""

    code = "rate_limited"
    retryable = True


class DatabaseAway(Problem):
    """The database cannot be asked at the moment; the text says why as far as it may be known."""

    code = "upstream_unavailable"
    retryable = True


class StoreAway(Problem):
    """The server's own store, where it is kept what was done, cannot be used at the moment."""

    code = "upstream_unavailable"
    retryable = True


class NameTaken(Problem):
    """This person has saved a query of that name already."""

    code = "conflict"


class TooManySaved(Refused):
    """This person has as many saved queries as one may have."""

    code = "limit_exceeded"


class UnknownQuery(Problem):
    """A saved query that is not there, or not for this person."""

    code = "unknown_query"


class PageGone(Problem):
    """A cursor that expired, was made for somebody else, or is none."""

    code = "cursor_expired"


class ActionRefused(Refused):
    """The action may not be done by this person or in this way."""


class ActionFailed(Problem):
    """Nothing was changed; the text says why."""

    code = "conflict"


class OutcomeUnknown(Problem):
    """An earlier try with the same key broke off between doing and noting it."""

    code = "unknown_outcome"
