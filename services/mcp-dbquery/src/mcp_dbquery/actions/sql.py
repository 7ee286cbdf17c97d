"""What the statements of an action are, as their database's grammar reads them.

This is for the owner's mistakes: whoever writes the file is trusted, and the database compiles every statement.
"""

from collections.abc import Iterable
from functools import cache
from typing import Literal

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from mcp_dbquery.engine import Dialect

Kind = Literal[
    "DELETE",
    "DELETE WITHOUT WHERE",
    "UPDATE WITHOUT WHERE",
    "REPLACE",
    "MERGE",
    "TRUNCATE",
    "CREATE",
    "ALTER",
    "DROP",
    "GRANT",
    "REVOKE",
    "ROLE",
]
"""What destroys or gives rights away, so that a file has to name it. ROLE: roles, users and groups made, changed or
dropped. REPLACE: rows that are in the way of new ones are deleted."""

DEFINITIONS = frozenset({"TRUNCATE", "CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "ROLE"})
"""These touch no number of rows, bind nothing, and MySQL commits them at once."""

_GRAMMARS: dict[Dialect, str] = {"sqlite": "sqlite", "postgresql": "postgres", "mysql": "mysql"}
_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge)
_BY_NODE: dict[type[exp.Expr], Kind] = {
    exp.TruncateTable: "TRUNCATE",
    exp.Create: "CREATE",
    exp.Alter: "ALTER",
    exp.Drop: "DROP",
    exp.Grant: "GRANT",
    exp.Revoke: "REVOKE",
}
_BY_WORD: dict[str, Kind] = {"CREATE": "CREATE", "ALTER": "ALTER", "DROP": "DROP"}
_ROLES = frozenset({"ROLE", "USER", "GROUP"})
_SERVER_WIDE = frozenset({"DATABASE", "SYSTEM", "EXTENSION", "SERVER", "SUBSCRIPTION"})
"""What these words follow is more than one transaction of one database."""


def kinds_of(sql: str, dialect: Dialect) -> frozenset[Kind]:
    """What has to be named for this statement, with all that stands within it. Empty for plain additions and changes.

    Raises:
        ValueError: it is not one statement, or of a sort that no action may run.
    """
    statement = one_statement(sql, dialect)
    if isinstance(statement, exp.Command):
        return _kinds_of_command(statement)
    if (defined := _BY_NODE.get(type(statement))) is not None:
        _refuse_server_wide(sql.split(None, 1)[0], str(statement.args.get("kind") or ""))
        return frozenset({defined})
    if not isinstance(statement, _CHANGES):
        word = sql.split(None, 1)[0].upper()
        what = f"{word} is not allowed; a statement is INSERT, UPDATE or a kind that is named"
        raise ValueError(what)  # noqa: TRY004 - pydantic wants it
    return frozenset(
        kind for node in statement.find_all(*_CHANGES) for kind in _kinds_of_change(node)
    )


def adds_only(sql: str, dialect: Dialect) -> bool:
    """Whether a statement can do nothing but add rows."""
    statement = one_statement(sql, dialect)
    changes = list(statement.find_all(*_CHANGES))
    return bool(changes) and all(
        isinstance(node, exp.Insert) and not node.args.get("alternative") and not _updates(node)
        for node in changes
    )


def require_select(sql: str, dialect: Dialect) -> None:
    """Raises ValueError: it is anything but one SELECT."""
    statement = one_statement(sql, dialect)
    if not isinstance(statement, exp.Select | exp.SetOperation) or statement.find(
        *_CHANGES, exp.Into
    ):
        raise ValueError("must be one SELECT")


def one_statement(sql: str, dialect: Dialect) -> exp.Expr:
    """The statement as a tree. Raises ValueError."""
    if any(ord(character) < 32 and character not in "\t\n\r" for character in sql):
        raise ValueError("must not contain control characters")
    if dialect == "mysql" and "/*!" in sql:
        raise ValueError("must not contain /*! comments: MySQL runs them")
    parsed = _parsed(sql, dialect)
    if len(parsed) != 1:
        raise ValueError("must be exactly one statement")
    return parsed[0]


@cache
def bindings_of(sql: str, dialect: Dialect) -> frozenset[str]:
    """The names that a statement binds as :name; what looks like one in a quoted text is none. Raises ValueError."""
    names: set[str] = set()
    for binding in one_statement(sql, dialect).find_all(
        exp.Placeholder, exp.Parameter, exp.SessionParameter
    ):
        if not isinstance(binding, exp.Placeholder) or not binding.name.isidentifier():
            raise ValueError("binds a value without a name; bind parameters as :name")
        names.add(binding.name)
    return frozenset(names)


def in_words(kinds: Iterable[str]) -> str:
    """Kinds as they are written in a file."""
    return ", ".join(f'"{kind}"' for kind in sorted(kinds))


def _kinds_of_command(command: exp.Command) -> frozenset[Kind]:
    """Of a statement that the grammar knows by its first word only."""
    word = command.name.upper()
    if word in {"GRANT", "REVOKE"}:  # Of a role: of other rights the grammar knows more.
        return frozenset({"ROLE"})
    if word not in _BY_WORD:
        hint = "; write INSERT … ON CONFLICT or INSERT OR REPLACE" if word == "REPLACE" else ""
        raise ValueError(f"{word} is not allowed{hint}")
    expression: object = command.args.get("expression")
    rest = (expression.name if isinstance(expression, exp.Expr) else str(expression or "")).split()
    following = rest[0].upper() if rest else ""
    _refuse_server_wide(word, following)
    return frozenset({"ROLE" if following in _ROLES else _BY_WORD[word]})


def _refuse_server_wide(word: str, following: str) -> None:
    if following.upper() in _SERVER_WIDE:
        raise ValueError(f"{word.upper()} {following.upper()} is not allowed")


def _kinds_of_change(node: exp.Expr) -> list[Kind]:
    if isinstance(node, exp.Delete):
        return ["DELETE"] if _is_bounded(node) else ["DELETE", "DELETE WITHOUT WHERE"]
    if isinstance(node, exp.Update):
        return [] if _is_bounded(node) else ["UPDATE WITHOUT WHERE"]
    if isinstance(node, exp.Merge):
        return ["MERGE"]
    replaces = str(node.args.get("alternative") or "").upper() == "REPLACE"
    return ["REPLACE"] if replaces else []


def _is_bounded(node: exp.Expr) -> bool:
    """A WHERE that names no column holds for all rows or for none."""
    where = node.args.get("where")
    return isinstance(where, exp.Where) and where.find(exp.Column) is not None


def _updates(insert: exp.Insert) -> bool:
    conflict = insert.args.get("conflict")
    return isinstance(conflict, exp.OnConflict) and bool(conflict.expressions)


@cache
def _parsed(sql: str, dialect: Dialect) -> tuple[exp.Expr, ...]:
    try:
        parsed = sqlglot.parse(sql, read=_GRAMMARS[dialect])
    except SqlglotError as error:
        detail = (
            error.errors[0]["description"]
            if isinstance(error, ParseError) and error.errors
            else str(error)
        )
        raise ValueError(f"is not SQL that can be read: {detail}") from None
    return tuple(part for part in parsed if part is not None)
