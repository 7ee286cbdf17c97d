"""A row rule's condition, as it stands in a view: what it binds is asked of the verified context, there."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from mcp_dbquery.callers import is_reserved
from mcp_dbquery.errors import BadSetup, StatementInvalid, StatementRefused
from mcp_dbquery.mysql.tables import NUMERIC, Table
from mcp_dbquery.mysql.text import Text, read_text

LONGEST_FILTER = 10_000
_STAND_IN = "mcp_bound_{}"
_NUMBER_TYPES = frozenset({"signed", "unsigned", "bigint", "ubigint", *NUMERIC})


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition for a view."""

    sql: str
    claims: frozenset[str]
    """Names of the caller's values that it asks for."""
    tables: frozenset[str]
    """Other tables that it reads."""


def read_filter(condition: str, table: Table, context: str) -> Filter:
    """Put calls of the context's functions (in the quoted database `context`) in the place of :tenant and the like.

    What is compared with a number must be a number as a whole: the servers would take the text `2x` for 2.

    Raises:
        BadSetup: the condition cannot be read, or binds what no token says.
    """
    try:
        text = read_text(condition, LONGEST_FILTER)
        _check(text, condition)
        numbers, tables = _look_into(text, table)
    except (StatementRefused, StatementInvalid, SqlglotError) as error:
        reason = "it is no condition" if isinstance(error, SqlglotError) else str(error)
        raise BadSetup(f"The filter of {table.name} cannot be used: {reason}.".replace("..", ".")) from None
    pieces: list[str] = []
    at = 0
    bound = [token for token in text.tokens if token.kind == "value"]
    for number, token in enumerate(bound):
        function = "claim_number" if number in numbers else "claim"
        pieces += [text.runs[at : token.start], f"{context}.{function}('{token.value}')"]
        at = token.end
    sql = " ".join("".join([*pieces, text.runs[at:]]).split("\n"))
    return Filter(sql.strip(), frozenset(token.value for token in bound), tables)


def _check(text: Text, condition: str) -> None:
    for token in text.tokens:
        if token.kind == "string" and "\n" in token.value:
            raise BadSetup("A filter's texts must not go over several lines.")
        if token.kind == "value" and not is_reserved(token.value):
            raise BadSetup(
                f"The filter {condition!r} binds {token.value}; a filter may bind :tenant, :subject and :claim_NAME."
            )


def _look_into(text: Text, table: Table) -> tuple[frozenset[int], frozenset[str]]:
    """Which of the bound values are to be numbers, and which tables the condition asks. Raises SqlglotError."""
    shown: list[str] = []
    at = count = 0
    for token in text.tokens:
        if token.kind == "value":
            shown += [text.judged[at : token.start], _STAND_IN.format(count)]
            count += 1
            at = token.end
    tree = sqlglot.parse_one(f"SELECT 1 WHERE ({''.join(shown)}{text.judged[at:]}\n)", read="mysql")
    where = tree.args["where"]
    if set(tree.args) & {"from_", "limit"} and tree.args.get("limit"):
        raise SqlglotError
    types: Mapping[str, bool] = {column.name.lower(): column.is_number for column in table.columns}
    numbers = {
        number
        for number in range(count)
        for stand_in in where.find_all(exp.Column)
        if stand_in.name == _STAND_IN.format(number) and _must_be_number(stand_in, types)
    }
    return frozenset(numbers), frozenset(each.name for each in tree.find_all(exp.Table))


def _must_be_number(stand_in: exp.Expression, types: Mapping[str, bool]) -> bool:
    node = stand_in
    while node.parent is not None and isinstance(node.parent, exp.Paren | exp.Tuple):
        node = node.parent
    parent = node.parent
    if isinstance(parent, exp.Cast):
        return parent.to.sql(dialect="mysql").partition("(")[0].lower() in _NUMBER_TYPES
    if isinstance(parent, exp.Binary | exp.In | exp.Between) and not isinstance(parent, exp.Connector):
        return any(types.get(column.name.lower(), False) for column in parent.find_all(exp.Column))
    return False
