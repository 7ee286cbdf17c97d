"""Decides from its text alone whether a statement may run: one SELECT that calls and names only what is allowed.

The last layer, not the first: what the login may do is decided by the database. It knows every function by the name
that stands in the text, and everything else by its syntax tree. What is on no list is refused.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from mcp_dbquery.engine import Catalog
from mcp_dbquery.errors import StatementInvalid, StatementRefused, UnknownRelation
from mcp_dbquery.hints import did_you_mean, shortened
from mcp_dbquery.mysql.functions import (
    ALLOWED_FUNCTIONS,
    BEFORE_PARENTHESIS,
    CALLS_WITHOUT_PARENTHESIS,
    FORBIDDEN_WORDS,
    LONGEST_TEXT,
)
from mcp_dbquery.mysql.text import Text, Token, read_text, refused

OWN_VIEWS = frozenset({"mcp_catalog", "mcp_caller"})
"""Views in the safe database that the server asks itself."""

LARGEST_DEPTH = 60
MOST_GROWING_CALLS = 4
MOST_SELECTS = 50

_FIRST_WORDS = frozenset({"select", "with"})
_GROWING = frozenset({"repeat", "space", "lpad", "rpad"})

_ALLOWED_NODES = (
    exp.Func, exp.Binary, exp.Unary, exp.Alias, exp.Between, exp.Boolean, exp.CTE, exp.Column, exp.DataType,
    exp.DataTypeParam, exp.Distinct, exp.Except, exp.From, exp.Group, exp.Having, exp.HexString, exp.BitString,
    exp.Identifier, exp.In, exp.Intersect, exp.Interval, exp.IntervalSpan, exp.Join, exp.JSONExtractQuote,
    exp.JSONKeyValue, exp.JSONValue, exp.JSONPath,
    exp.JSONPathPart, exp.Lateral, exp.Limit, exp.Literal, exp.Null, exp.Offset,
    exp.Order, exp.Ordered, exp.Placeholder, exp.Predicate, exp.Rollup, exp.Select, exp.Star, exp.Subquery, exp.Table,
    exp.TableAlias, exp.Tuple, exp.Union, exp.Var, exp.Where, exp.Window, exp.WindowSpec, exp.With, exp.WithinGroup,
    exp.Filter, exp.CharacterSet, exp.Aliases, exp.Any, exp.All,
)  # fmt: skip
_REFUSED_NODES = (
    exp.JSONTable,
    exp.Parameter,
    exp.SessionParameter,
    exp.PropertyEQ,
    exp.MatchAgainst,
)
"""Kinds of an allowed kind that are refused all the same."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A table as a statement names it."""

    database: str
    name: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A statement that may run, as far as its text tells."""

    text: Text
    asked: tuple[Asked, ...]
    """Without CTEs."""


@lru_cache(maxsize=256)
def judge(sql: str, longest: int) -> Verdict:
    """Look at a statement that nobody has seen yet; the last 256 verdicts are kept.

    Raises:
        StatementRefused: it does more than read, or could be understood in two ways.
        StatementInvalid: it cannot be read.
    """
    text = read_text(sql, longest)
    _judge_tokens(text.tokens)
    tree = _parse(text)
    _judge_nodes(tree)
    return Verdict(text, tuple(dict.fromkeys(_tables(tree, frozenset()))))


def relations_of(verdict: Verdict, catalog: Catalog, database: str) -> frozenset[str]:
    """The names in the catalogue of what the statement asks.

    Raises:
        UnknownRelation: it asks for something else; what is hidden reads like what is not there.
    """
    found: set[str] = set()
    for asked in verdict.asked:
        relation = catalog.find(asked.name)
        if (
            relation is None
            or asked.database not in {"", database}
            or asked.name.lower() in OWN_VIEWS
        ):
            raise unknown_table(asked.name if asked.database in {"", database} else f"{asked.database}.{asked.name}",
                                catalog)  # fmt: skip
        found.add(relation.name)
    return frozenset(found)


def unknown_table(name: str, catalog: Catalog) -> UnknownRelation:
    """There is no such table, and which visible one may be meant."""
    near = did_you_mean(name.rpartition(".")[2], catalog.relations)
    return UnknownRelation(
        f"There is no table “{shortened(name)}”.",
        hint=near.sentence or "list_tables names those that can be asked.",
        did_you_mean=near.names,
    )


def unknown_column(name: str, catalog: Catalog, relations: Iterable[str]) -> UnknownRelation:
    """There is no such column in the tables asked, and which visible one may be meant."""
    names = {
        column.name for relation in relations for column in catalog.relations[relation].columns
    }
    bare = name.rpartition(".")[2]
    if bare.lower() in {each.lower() for each in names}:
        return UnknownRelation(
            f"The column “{shortened(name)}” is not known at this place.",
            hint="Name its table in FROM there, with its alias; HAVING knows only what is selected or grouped.",
            did_you_mean=[],
        )
    near = did_you_mean(bare, names)
    return UnknownRelation(
        f"There is no column “{shortened(name)}”.",
        hint=near.sentence or "describe_tables tells what there is.",
        did_you_mean=near.names,
    )


def _judge_tokens(tokens: tuple[Token, ...]) -> None:
    words = [token for token in tokens if token.value != "("]
    if not words:
        raise StatementInvalid("The statement is empty.", hint="Write one SELECT.")
    if words[0].kind != "word" or words[0].value.lower() not in _FIRST_WORDS:
        raise refused("only_select", words[0].start, "Only SELECT runs here, also WITH … SELECT.",
                      "To change something, use one of the declared actions.")  # fmt: skip
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token.value == "(") - (token.value == ")") if token.kind == "sign" else 0
        if depth > LARGEST_DEPTH:
            raise _too_deep(token.start)
        _judge_token(tokens, at)


def _judge_token(tokens: tuple[Token, ...], at: int) -> None:
    token = tokens[at]
    is_after_dot = at > 0 and tokens[at - 1].value == "." and tokens[at - 1].kind == "sign"
    is_before_parenthesis = (
        at + 1 < len(tokens) and tokens[at + 1].value == "(" and tokens[at + 1].kind == "sign"
    )
    word = token.value.lower()
    if token.kind == "word" and not is_after_dot:
        if word in FORBIDDEN_WORDS:
            raise refused("forbidden_word", token.start, f"{token.value.upper()} is not allowed here.",
                          "Only plain SELECT runs; put a name that is spelled so in backticks.")  # fmt: skip
        if word in CALLS_WITHOUT_PARENTHESIS:
            raise _unknown_function(token)
    if not is_before_parenthesis or token.kind not in {"word", "quoted"}:
        return
    if is_after_dot:
        raise refused("function", token.start, "Functions of a database cannot be called.",
                      "Use the built-in functions.")  # fmt: skip
    is_grammar = token.kind == "word" and word in BEFORE_PARENTHESIS
    is_function = token.kind == "word" and word in ALLOWED_FUNCTIONS
    if not is_grammar and not is_function and not _begins_column_list(tokens, at):
        raise _unknown_function(token)


def _begins_column_list(tokens: tuple[Token, ...], at: int) -> bool:
    """Whether a CTE's or derived table's name stands here, before its columns' names: `r (a, b) AS (`, `) AS r (a)`."""
    inside = at + 2
    while inside + 1 < len(tokens) and tokens[inside].kind in {"word", "quoted"}:
        if tokens[inside + 1].value == ")":
            before = tokens[at - 1].value.lower() if at else ""
            after = tokens[inside + 2].value.lower() if inside + 2 < len(tokens) else ""
            return (before in {"with", "recursive", ","} and after == "as") or (
                before == "as" and at > 1 and tokens[at - 2].value == ")"
            )
        if tokens[inside + 1].value != ",":
            return False
        inside += 2
    return False


def _unknown_function(token: Token) -> StatementRefused:
    near = did_you_mean(token.value, ALLOWED_FUNCTIONS)
    hint = near.sentence or "Use the usual functions for numbers, texts and dates."
    return refused(
        "function", token.start, f"The function {shortened(token.value)} is not allowed.", hint
    )


def _too_deep(at: int) -> StatementRefused:
    return refused(
        "too_deep", at, "The statement is nested too deeply.", "Use CTEs (WITH) side by side."
    )


def _parse(text: Text) -> exp.Expr:
    try:
        trees = [tree for tree in sqlglot.parse(text.judged, read="mysql") if tree is not None]
    except SqlglotError as error:
        raise _unreadable(error, text.judged) from None
    except RecursionError:
        raise _too_deep(0) from None
    if len(trees) != 1:
        raise refused(
            "one_statement", 0, "Only one statement runs in one call.", "Send them one by one."
        )
    return trees[0]


def _unreadable(error: SqlglotError, judged: str) -> StatementInvalid:
    """Sqlglot's own words would show the statement as it was blanked; only where it stumbled is told."""
    details = getattr(error, "errors", None)
    line, column = (details[0].get("line"), details[0].get("col")) if details else (None, None)
    if not isinstance(line, int) or not isinstance(column, int):
        return StatementInvalid(
            "The statement cannot be read.", hint="Check its quotes, parentheses and commas."
        )
    position = sum(len(each) + 1 for each in judged.split("\n")[: line - 1]) + column
    return StatementInvalid(
        f"The statement cannot be read near character {position}.",
        hint="It is read as MySQL; check the words before that place.",
        position=position,
    )


def _judge_nodes(tree: exp.Expr) -> None:
    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery):
        raise refused(
            "only_select", 0, "Only SELECT runs here, also WITH … SELECT.", "Write one SELECT."
        )
    selects = growing = 0
    try:
        for node in tree.walk():
            if not isinstance(node, _ALLOWED_NODES) or isinstance(node, _REFUSED_NODES):
                raise refused("syntax", 0, f"{_in_words(node)} is not allowed.", "Use plain SELECT with joins, CTEs, "
                              "grouping, windows.")  # fmt: skip
            selects += isinstance(node, exp.Select)
            if _grows(node):
                growing += 1
                _judge_growth(node)
    except RecursionError:
        raise _too_deep(0) from None
    if selects > MOST_SELECTS:
        raise refused(
            "too_many_selects",
            0,
            f"More than {MOST_SELECTS} SELECTs in one statement.",
            "Ask in parts.",
        )
    if growing > MOST_GROWING_CALLS:
        raise refused(
            "size", 0, f"More than {MOST_GROWING_CALLS} calls that lengthen texts.", "Ask in parts."
        )


def _in_words(node: exp.Expr) -> str:
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in type(node).__name__)
    return words.strip().upper()


def _grows(node: exp.Expr) -> bool:
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in _GROWING
    return isinstance(node, exp.Repeat | exp.Pad | exp.Space)


def _judge_growth(node: exp.Expr) -> None:
    """A text may be lengthened, but not to a size that fills the server's memory before any limit is met."""
    for inner in node.walk():
        if inner is not node and _grows(inner):
            raise refused(
                "size",
                0,
                "A lengthened text cannot be lengthened again.",
                "Use a fixed, small number.",
            )
        if (
            isinstance(inner, exp.Literal)
            and not inner.is_string
            and _number(inner.name) > LONGEST_TEXT
        ):
            raise refused(
                "size", 0, f"Texts may be lengthened to {LONGEST_TEXT:,} characters.", "Use less."
            )
        if isinstance(inner, exp.HexString | exp.BitString):
            raise refused("size", 0, "The length must be a plain number.", "Write it in decimal.")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("inf")


def _tables(node: exp.Expr, ctes: frozenset[str]) -> Iterator[Asked]:
    """All tables below a node that are none of these CTEs, each CTE counting only where it is in scope."""
    scope = ctes
    clause = node.args.get("with_")
    if isinstance(clause, exp.With):
        for cte in clause.expressions:
            name = cte.alias.lower()
            if name in OWN_VIEWS:
                raise refused(
                    "reserved_name", 0, f"{cte.alias} is a reserved name.", "Choose another."
                )
            yield from _tables(cte.this, scope | {name} if clause.recursive else scope)
            scope = scope | {name}
    if isinstance(node, exp.Table):
        if not isinstance(node.this, exp.Identifier) or node.catalog:
            raise refused(
                "syntax", 0, "Only tables and subqueries may stand in FROM.", "Name a table."
            )
        if node.db or node.name.lower() not in scope:
            yield Asked(node.db, node.name)
    for child in node.iter_expressions():
        if child is not clause:
            yield from _tables(child, scope)
