"""What PostgreSQL says when something goes wrong, in words of ours: its own may quote values of rows.

SQLSTATE classes: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import re
from collections.abc import Iterable
from typing import Any

import psycopg

from mcp_dbquery.errors import (
    ActionFailed,
    DatabaseAway,
    StatementInvalid,
    StatementRefused,
    TooLarge,
    TooSlow,
)
from mcp_dbquery.postgres.binding import Bound
from mcp_dbquery.postgres.names import unknown
from shared.mcp_server import Problem

_TYPES = "Compare and compute with values of one type; cast where they differ, for example column::numeric."

_TEXTS: dict[str, tuple[str, str | None]] = {
    "22012": ("The statement divides by zero.", "Use nullif(divisor, 0)."),
    "22P02": (
        "A text cannot be read as the type that it is cast to or compared with.",
        "Filter such rows out first.",
    ),
    "22007": ("A text cannot be read as a date or time.", "Dates are written as '2026-01-31'."),
    "22008": ("A date or time is out of range.", "Dates are written as '2026-01-31'."),
    "22003": ("A number is out of its type's range.", "Cast to numeric."),
    "22001": ("A text is longer than its type allows.", None),
    "2201B": ("The regular expression is not valid.", None),
    "22025": ("The pattern's escape is not valid.", None),
    "22023": ("An argument of a function is not valid.", None),
    "2201X": ("OFFSET must not be negative.", None),
    "2201W": ("LIMIT must not be negative.", None),
    "22021": ("A text contains bytes that are no characters.", None),
    "21000": (
        "A subquery gave more than one row where one value is needed.",
        "Use IN, an aggregate or LIMIT 1.",
    ),
    "42883": ("There is no such function or operator for these types.", _TYPES),
    "42804": ("The types do not fit together.", _TYPES),
    "42846": ("This cast is not possible.", _TYPES),
    "42725": ("The function or operator fits more than one type.", "Cast the arguments."),
    "42803": (
        "A column is neither in GROUP BY nor in an aggregate.",
        "Add it to GROUP BY or aggregate it.",
    ),
    "42702": ("A column's name is ambiguous.", "Write table.column."),
    "42P20": ("The window is not valid.", None),
    "42P18": ("The type of a parameter cannot be told.", "Cast it: :name::text."),
    "42P08": ("A parameter is used with different types.", "Cast it in each place: :name::text."),
    "42P10": (
        "ORDER BY does not fit DISTINCT or the position is not valid.",
        "Order by columns that are selected.",
    ),
    "42P19": (
        "The recursive query is not valid.",
        "It is: first rows UNION ALL a query that names itself once.",
    ),
    "42601": ("The statement's syntax is not valid.", None),
    "42701": ("A column is named twice.", "Give each its own alias."),
    "42712": ("A table's name is used twice.", "Give each its own alias."),
    "42704": ("There is no such type or object.", None),
    "42P22": ("The collation cannot be told.", "Add COLLATE."),
    "0A000": ("PostgreSQL cannot do this.", None),
    "54001": ("The statement is too complex.", "Split it into steps."),
    "54000": ("The statement is over a limit of PostgreSQL.", "Split it into steps."),
}
_COLUMN = re.compile(
    r"column (?:reference )?\"?([^\"]+?)\"? (?:does not exist|is ambiguous|must appear)"
)


def as_problem(
    error: psycopg.Error, bound: Bound, prefix: str, columns: Iterable[str], timeout_s: float
) -> Problem:
    """What the caller may hear of a statement's failure.

    `columns` are the visible ones of its relations, `prefix` is what of ours stood before the statement.
    """
    state = error.sqlstate or ""
    place = _place(error, bound, prefix)
    if state == "42703":
        return unknown("column", _column_named(error), columns, place)
    if state == "57014" or state == "25P03":
        return TooSlow(
            f"Stopped after {timeout_s:g} s.",
            hint="Add a filter, aggregate less, or ask for fewer rows.",
        )
    if state.startswith("53") or state == "54P01":
        return TooLarge(
            "The statement outgrew the memory or disk space it may use.",
            hint="Aggregate or select less.",
        )
    if state == "54011":
        return TooLarge("The result has too many columns.", hint="Name the ones needed.")
    if state in {"42501", "25006"}:
        return StatementRefused(
            "The database does not allow this.",
            hint="Only the listed tables can be read.",
            rule="rights",
        )
    if state == "55P03":
        return DatabaseAway("A table is locked by somebody else.", hint="Try again in a moment.")
    if state in _TEXTS:
        said, hint = _TEXTS[state]
        return StatementInvalid(said, hint=hint, **place)
    if not state or state.startswith(("08", "57", "58", "XX", "40")):
        return DatabaseAway(
            "The connection to the database broke off.", hint="Try again in a moment."
        )
    return StatementInvalid(f"PostgreSQL cannot run the statement (SQLSTATE {state}).", **place)


def as_action_problem(error: psycopg.Error) -> ActionFailed:
    """Why a declared action was not done, without any value."""
    state = error.sqlstate or ""
    if state.startswith("23"):
        return ActionFailed("Nothing was changed: the values break a rule of the database.")
    if state.startswith("22"):
        return ActionFailed("Nothing was changed: a value does not fit its column.")
    if state in {"40001", "40P01", "55P03"}:
        return ActionFailed("Nothing was changed: somebody else was changing the same. Try again.")
    if state == "57014":
        return ActionFailed("Nothing was changed: it took too long.")
    if state == "42501":
        return ActionFailed("Nothing was changed: the login of the actions may not do it.")
    if not state or state.startswith(("08", "57", "58")):
        return ActionFailed("Nothing was changed: the database cannot be reached.")
    return ActionFailed(f"Nothing was changed: the database refused it (SQLSTATE {state}).")


def _place(error: psycopg.Error, bound: Bound, prefix: str) -> dict[str, Any]:
    position = error.diag.statement_position
    if position is None or int(position) <= len(prefix):
        return {}
    return {"position": bound.original(int(position) - 1 - len(prefix))}


def _column_named(error: psycopg.Error) -> str:
    """The name as the statement has it: this message quotes nothing else."""
    found = _COLUMN.search(error.diag.message_primary or "")
    return found.group(1) if found is not None else "?"
