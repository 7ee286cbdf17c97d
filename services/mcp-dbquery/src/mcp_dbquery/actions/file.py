"""Reads declared actions: what may be changed, how, by whom, and what is shown before. Everything else is refused."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import sqlglot
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from mcp_dbquery.errors import BadSetup
from mcp_dbquery.parameters import Parameter

_PLACEHOLDER = re.compile(r"{([a-z_][a-z0-9_]*)}", re.IGNORECASE)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ShownChange(_Strict):
    """A value to show as old → new: a column of the preview's row, and a parameter."""

    field: str
    old: str | None = None
    new: str


class Action(_Strict):
    """One thing that may be changed."""

    title: str
    description: str
    roles: Annotated[list[str], Field(min_length=1)]
    parameters: dict[str, Parameter]
    statement: str
    expected_rows: Annotated[int, Field(ge=1)] = 1
    """Rows the statement must touch; any other number is rolled back."""
    preview: str
    """A query of the one row that is concerned; no row means there is nothing to change."""
    item: str
    """What is changed, with {columns} of the preview's row."""
    summary: str
    """What would be done, with {columns} and {parameters}."""
    done: str
    missing: str
    """Said when the preview finds nothing."""
    changes: Annotated[list[ShownChange], Field(min_length=1)]
    destructive: bool = True
    """False for actions that only add."""
    idempotent: bool = False

    @model_validator(mode="after")
    def _is_sound(self) -> "Action":
        _require_one_statement(
            self.statement, (exp.Update, exp.Insert), "statement", "INSERT or UPDATE"
        )
        _require_one_statement(self.preview, (exp.Select,), "preview", "SELECT")
        for where, sql in (("statement", self.statement), ("preview", self.preview)):
            for name in _bindings(sql, where):
                if name not in self.parameters:
                    raise ValueError(f"{where} uses :{name}, which is no parameter of the action")
        used = _bindings(self.statement, "statement")
        if unused := sorted(set(self.parameters) - used):
            raise ValueError(
                f"parameter {unused[0]} is not used in the statement; bind it as :{unused[0]}"
            )
        for change in self.changes:
            if change.new not in self.parameters:
                raise ValueError(f"changes: {change.new} is no parameter of the action")
        for name in placeholders(self.missing):
            if name not in self.parameters:
                raise ValueError(f"missing: {{{name}}} is no parameter of the action")
        return self

    def bound(self, sql: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments a statement binds."""
        return {name: arguments[name] for name in _bindings(sql, "SQL")}


def load_actions(path: Path) -> dict[str, Action]:
    """The actions of a file, by name.

    Raises:
        BadSetup: naming the file, the action and what is wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetup(f"The actions file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetup(f"{path} is not TOML: {error}.") from None
    declared = content.get("actions", {})
    if unknown := sorted(set(content) - {"actions"}):
        raise BadSetup(
            f"{path}: there is no section [{unknown[0]}]; actions stand under [actions.NAME]."
        )
    return {name: _load(path, name, fields) for name, fields in sorted(declared.items())}


def placeholders(template: str) -> set[str]:
    """The names that `render` fills in."""
    return set(_PLACEHOLDER.findall(template))


def render(template: str, values: dict[str, Any]) -> str:
    """Fill {names} in; text only, nothing is evaluated."""
    return _PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), template)


def _load(path: Path, name: str, fields: Any) -> Action:
    if not re.fullmatch(r"[a-z][a-z0-9_]{2,40}", name) or name.startswith("preview_"):
        raise BadSetup(
            f"{path}, action {name}: a name has 3 to 41 small letters, digits and underscores, and does not "
            "begin with preview_."
        )
    try:
        return Action.model_validate(fields)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in detail["loc"])
        message = detail["msg"].removeprefix("Value error, ")
        raise BadSetup(
            f"{path}, action {name}: {f'{where}: ' if where else ''}{message}."
        ) from None


def _require_one_statement(
    sql: str, kinds: tuple[type[exp.Expr], ...], field: str, allowed: str
) -> None:
    parsed = _parsed(sql, field)
    if len(parsed) != 1:
        raise ValueError(f"{field} must be exactly one statement")
    if not isinstance(parsed[0], kinds):
        kind = type(parsed[0]).__name__.upper()
        raise ValueError(f"{field} must be {allowed}; {kind} is not allowed")  # noqa: TRY004 - pydantic wants it


@cache
def _bindings(sql: str, field: str) -> frozenset[str]:
    """The names a statement binds as :name; what looks like one in a quoted text is none."""
    names: set[str] = set()
    for statement in _parsed(sql, field):
        for binding in statement.find_all(exp.Placeholder, exp.Parameter):
            if not isinstance(binding, exp.Placeholder) or not binding.name.isidentifier():
                raise ValueError(f"{field} binds a value without a name; bind parameters as :name")
            names.add(binding.name)
    return frozenset(names)


def _parsed(sql: str, field: str) -> list[exp.Expr]:
    try:
        return [part for part in sqlglot.parse(sql, read="sqlite") if part is not None]
    except SqlglotError as error:
        detail = (
            error.errors[0]["description"]
            if isinstance(error, ParseError) and error.errors
            else str(error)
        )
        raise ValueError(f"{field} is not SQL that can be read: {detail}") from None
