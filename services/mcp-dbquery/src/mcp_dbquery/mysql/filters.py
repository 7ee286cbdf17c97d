"""A row rule's condition, as it stands in a view: what it binds is asked of the verified context, there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from mcp_dbquery.callers import is_reserved
from mcp_dbquery.errors import StatementInvalid, StatementRefused
from mcp_dbquery.mysql.link import quoted_name
from mcp_dbquery.mysql.tables import NUMERIC, Table
from mcp_dbquery.mysql.text import Text, Token, read_text
from shared.errors import BadSetup

LONGEST_FILTER = 10_000
_STAND_IN = "mcp_bound_{}"
_BEFORE_CONDITION = frozenset(
    {"(", "and", "or", "xor", "not", "where", "when", "then", "else", "on"}
)
_AFTER_CONDITION = frozenset(
    {")", "and", "or", "xor", "when", "then", "else", "end", "group", "order", "limit"}
)
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
        raise BadSetup(
            f"The filter of {table.name} cannot be used: {reason}.".replace("..", ".")
        ) from None
    pieces: list[str] = []
    at = count = 0
    for place, token in enumerate(text.tokens):
        if token.kind != "value":
            continue
        if count in numbers:
            start, end, sql = token.start, token.end, f"{context}.claim_number('{token.value}')"
        else:
            start, end, sql = _exact(text.tokens, place, f"{context}.claim('{token.value}')")
        pieces += [text.runs[at:start], sql]
        at = end
        count += 1
    sql = " ".join("".join([*pieces, text.runs[at:]]).split("\n"))
    return Filter(sql.strip(), frozenset(text.names_bound), tables)


def _exact(tokens: Sequence[Token], place: int, claim: str) -> tuple[int, int, str]:
    """What to put where for a text: compared byte by byte, for to most collations `North` is `north`.

    A plain `column = :name` is compared by the column's collation as well, so that its index can be used.
    """
    token = tokens[place]
    exact = f"{claim} COLLATE utf8mb4_bin"
    begin = place - 2
    while begin >= 2 and tokens[begin - 1].value == ".":
        begin -= 2
    is_plain = (
        begin >= 0
        and tokens[place - 1].value == "="
        and all(part.kind in {"word", "quoted"} for part in tokens[begin : place - 1 : 2])
        and (begin == 0 or tokens[begin - 1].value.lower() in _BEFORE_CONDITION)
        and (place + 1 == len(tokens) or tokens[place + 1].value.lower() in _AFTER_CONDITION)
    )
    if not is_plain:
        return token.start, token.end, exact
    column = "".join(
        quoted_name(part.value) if part.kind == "quoted" else part.value
        for part in tokens[begin : place - 1]
    )
    return tokens[begin].start, token.end, f"({column} = {claim} AND {column} = {exact})"


def _check(text: Text, condition: str) -> None:
    depth = 0
    for token in text.tokens:
        depth += (token.value == "(") - (token.value == ")") if token.kind == "sign" else 0
        if depth < 0:
            raise SqlglotError("a parenthesis closes what surrounds the condition")
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
    types: Mapping[str, bool] = {column.name.lower(): column.is_number for column in table.columns}
    numbers = {
        number
        for number in range(count)
        for stand_in in where.find_all(exp.Column)
        if stand_in.name == _STAND_IN.format(number) and _must_be_number(stand_in, types)
    }
    return frozenset(numbers), frozenset(each.name for each in tree.find_all(exp.Table))


def _must_be_number(stand_in: exp.Expr, types: Mapping[str, bool]) -> bool:
    node = stand_in
    while node.parent is not None and isinstance(node.parent, exp.Paren | exp.Tuple):
        node = node.parent
    parent = node.parent
    if isinstance(parent, exp.Cast):
        return parent.to.sql(dialect="mysql").partition("(")[0].lower() in _NUMBER_TYPES
    if isinstance(parent, exp.Binary | exp.In | exp.Between) and not isinstance(
        parent, exp.Connector
    ):
        return any(types.get(column.name.lower(), False) for column in parent.find_all(exp.Column))
    return False
