"""What the server's errors mean to the caller: fixed words by number, for the server's own may carry values."""

import re
from collections.abc import Mapping

from mcp_dbquery.engine import Catalog
from mcp_dbquery.errors import (
    ActionFailed,
    DatabaseAway,
    StatementInvalid,
    StatementRefused,
    TooExpensive,
    TooLarge,
    TooSlow,
)
from mcp_dbquery.mysql.guard import unknown_column, unknown_table
from shared.mcp_server import Problem

# Numbers of the servers' error messages (MySQL Error Message Reference; MariaDB Error Code Reference).
SYNTAX = frozenset({1064, 1065, 1149})
UNKNOWN_TABLE = frozenset({1049, 1051, 1109, 1146})
UNKNOWN_COLUMN = frozenset({1054})
NO_RIGHT = frozenset({1044, 1045, 1142, 1143, 1227, 1345, 1356, 1370, 1449})
INTERRUPTED = frozenset({1317, 1969, 3024})
TOO_MUCH_WORK = frozenset({1104})
NO_SPACE = frozenset({1021, 1037, 1038, 1041, 1114, 1153, 3170, 4180})
READ_ONLY = frozenset({1290, 1792, 1836})
BUSY = frozenset({1203, 1205, 1213, 1226})
LOST = frozenset({0, 1040, 1053, 1077, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2002, 2003, 2006, 2013, 2014,
                  2055, 3168})  # fmt: skip
INTEGRITY: Mapping[int, str] = {
    1048: "a value that must be given is missing",
    1062: "there is such a record already",
    1216: "it points to a record that is not there",
    1217: "other records still point to it",
    1364: "a value that must be given is missing",
    1451: "other records still point to it",
    1452: "it points to a record that is not there",
    3819: "a value is not allowed there",
    4025: "a value is not allowed there",
}
UNFIT_VALUES: Mapping[int, str] = {
    1264: "a number is too large or too small",
    1265: "a value does not fit its column",
    1292: "a value is not of the type it should be",
    1366: "a value is not of the type it should be",
    1406: "a text is too long",
}
MEANT: Mapping[int, tuple[str, str]] = {
    1052: (
        "A column's name stands for more than one.",
        "Write the table's name or alias before it.",
    ),
    1055: (
        "A selected column is neither grouped by nor aggregated.",
        "Add it to GROUP BY or aggregate it.",
    ),
    1056: ("Grouping by this is not possible.", "Group by columns, not by aggregates."),
    1060: ("Two columns have the same name.", "Give one of them an alias."),
    1066: ("Two tables have the same name or alias.", "Give each an alias of its own."),
    1111: (
        "An aggregate stands where none can be.",
        "Aggregate in HAVING or in a subquery, not in WHERE.",
    ),
    1140: ("Aggregates and plain columns are mixed without GROUP BY.", "Add GROUP BY."),
    1222: (
        "The SELECTs of a UNION give different numbers of columns.",
        "Select as many columns in each.",
    ),
    1235: (
        "This server's version cannot do that.",
        "Use a join instead of LIMIT in an IN subquery, for example.",
    ),
    1241: ("A subquery gives more than one column where one is needed.", "Select one column."),
    1242: (
        "A subquery gives more than one row where one is needed.",
        "Add LIMIT 1, an aggregate, or use IN.",
    ),
    1247: ("A name is used before it is known.", "Use a subquery or CTE."),
    1253: (
        "That collation does not fit the text's characters.",
        "Convert the text first: CONVERT(x USING utf8mb4).",
    ),
    1267: (
        "Two texts of different collations are compared.",
        "Add COLLATE utf8mb4_bin to one of them.",
    ),
    1271: ("Texts of different collations are compared.", "Add COLLATE utf8mb4_bin to them."),
    1305: (
        "There is no such function here.",
        "Use the usual functions for numbers, texts and dates.",
    ),
    1365: ("There is a division by zero.", "Divide by NULLIF(x, 0)."),
    1582: ("A function has the wrong number of arguments.", "Look at how many it takes."),
    1630: ("There is no such function here.", "Write the parenthesis right after its name."),
    1690: ("A number left its range.", "Use smaller numbers or CAST(… AS DOUBLE)."),
    3636: ("A recursive CTE went on for too long.", "Bound it by a condition."),
}
INCOMPLETE = frozenset({1260, 1301, 1931, 4180})
"""Warnings that say the rows are not what the statement means: cut by GROUP_CONCAT or max_allowed_packet, recursion."""

_NAME_IN_QUOTES = re.compile(r"'([^']{1,130})'")


def number_of(error: Exception) -> int:
    """The number of a server's error; 0, which is among LOST, when the driver gave none."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def problem_of(error: Exception, sql: str, catalog: Catalog, relations: frozenset[str],
               timeout_s: float) -> Problem:  # fmt: skip
    """What to tell of a reading statement's error. Of its words at most a name is used that stands in `sql`."""
    number = number_of(error)
    message = str(error.args[1]) if len(error.args) > 1 else ""
    if number in UNKNOWN_COLUMN and (name := _name_from(message, sql)) is not None:
        return unknown_column(name, catalog, relations)
    if number in UNKNOWN_TABLE and (name := _name_from(message, sql)) is not None:
        return unknown_table(name.rpartition(".")[2], catalog)
    if number in INTERRUPTED:
        return too_slow(timeout_s)
    if number in TOO_MUCH_WORK:
        return too_expensive()
    if number in NO_SPACE:
        return TooLarge(
            "The statement needs too much memory or disk.", hint="Aggregate more or select less."
        )
    if number in SYNTAX:
        return StatementInvalid(
            "The server cannot read the statement.", hint="It must be MySQL's dialect; check it."
        )
    if number in NO_RIGHT | READ_ONLY:
        return StatementRefused(
            "The database does not allow this.",
            hint="Ask the tables of list_tables.",
            rule="rights",
        )
    if number in BUSY:
        return DatabaseAway("The database is busy.", hint="Try again in a moment.")
    if number in LOST:
        return DatabaseAway(
            "The connection to the database was lost.", hint="Try again in a moment."
        )
    if (known := MEANT.get(number)) is not None:
        return StatementInvalid(known[0], hint=known[1], number=number)
    return StatementInvalid(f"The server could not run the statement (error {number}).",
                            hint="Simplify it, or convert values explicitly.", number=number)  # fmt: skip


def too_slow(timeout_s: float) -> TooSlow:
    """The time was up."""
    return TooSlow(
        f"The statement was stopped after {timeout_s:g} s.",
        hint="Filter by an indexed column, or aggregate less.",
    )


def too_expensive() -> TooExpensive:
    """The server's own estimate was above max_join_size."""
    return TooExpensive(
        "The planner expects the statement to look at more rows than is allowed.",
        hint="Join on indexed columns and filter more; every pair of tables needs a join condition.",
    )


def incomplete(numbers: frozenset[int]) -> TooLarge:
    """A result that is not what was asked is no result."""
    if 1931 in numbers:
        return TooLarge(
            "A recursive CTE was cut off.", hint="Bound it by a condition, or recurse less deeply."
        )
    return TooLarge(
        "A text became too long and was cut by the server.",
        hint="Concatenate fewer values at once.",
    )


def failed_action(number: int) -> ActionFailed | DatabaseAway:
    """What to tell of an action's error. Nothing was changed."""
    reason = INTEGRITY.get(number) or UNFIT_VALUES.get(number)
    if reason is not None:
        return ActionFailed(f"Nothing was changed: {reason}.")
    if number in BUSY | INTERRUPTED:
        return ActionFailed(
            "Nothing was changed: the database is busy.", hint="Try again in a moment."
        )
    if number in LOST:
        return DatabaseAway("The connection to the database was lost; nothing was changed.")
    return ActionFailed(
        f"Nothing was changed: the database refused the statement (error {number})."
    )


def in_owners_words(error: Exception) -> str:
    """The server's own words, for whoever sets the server up. Never for the model."""
    words = str(error.args[1]) if len(error.args) > 1 else "the connection was lost"
    return words.rstrip(".")


def _name_from(message: str, sql: str) -> str | None:
    found = _NAME_IN_QUOTES.search(message)
    if found is None:
        return None
    name = found.group(1)
    return name if name.rpartition(".")[2].lower() in sql.lower() else None
