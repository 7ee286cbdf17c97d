"""Reads declared actions: what may be changed, how, by whom, and what is shown before. Everything else is refused."""

import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationInfo,
    model_validator,
)

from mcp_dbquery.actions import sql
from mcp_dbquery.actions.lookups import VALUE
from mcp_dbquery.actions.text import placeholders
from mcp_dbquery.callers import is_reserved
from mcp_dbquery.engine import Dialect
from mcp_dbquery.parameters import LookupParameter, Parameter
from shared.config_file import Strict, naming_mistakes, read_toml
from shared.errors import BadSetup

COUNT = "count"
"""In `summary` and `done`: how many rows the preview finds."""
MAX_CHANGES = 100
"""Changes that a host shows."""
_NAME = re.compile(r"[a-z][a-z0-9_]{2,40}")
_PARAMETER = re.compile(r"[a-z][a-z0-9_]{0,40}")


class RowCount(Strict):
    """How many rows a statement must touch; with any other number all is rolled back."""

    min: NonNegativeInt
    max: PositiveInt
    as_previewed: bool = False
    """And exactly as many as the preview finds in the same transaction."""

    @model_validator(mode="after")
    def _is_range(self) -> "RowCount":
        if self.min > self.max:
            raise ValueError("min is greater than max")
        return self

    def fits(self, touched: int, previewed: int) -> bool:
        if self.as_previewed and touched != previewed:
            return False
        return self.min <= touched <= self.max

    def in_words(self) -> str:
        """`1`, or `1 to 50`."""
        return str(self.min) if self.min == self.max else f"{self.min} to {self.max}"


def _as_range(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return {"min": value, "max": value}
    return value


ExpectedRows = Annotated[RowCount, BeforeValidator(_as_range)]


class Change(Strict):
    """A value to show as old → new."""

    field: str
    old: str | None = None
    """A column of the preview."""
    new: str
    """A parameter, or a column of the preview that works the new value out."""


class ActionStatement(Strict):
    """One of the statements of an action."""

    sql: str
    expected_rows: ExpectedRows = RowCount(min=1, max=1)


class Action(Strict):
    """One thing that may be changed. Validated with the database's dialect as context."""

    title: str
    description: str
    roles: Annotated[list[str], Field(min_length=1)]
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    statement: str | None = None
    expected_rows: ExpectedRows = RowCount(min=1, max=1)
    """Of `statement`."""
    statements: list[ActionStatement] = Field(default_factory=list)
    """Several, done in this order in one transaction, all or none."""
    preview: str
    """A query of the rows that are concerned; no row means there is nothing to change."""
    preview_rows: Annotated[int, Field(ge=1, le=MAX_CHANGES)] = 1
    """1: the action concerns one row, and several are an error. More: so many of them are shown."""
    item: str
    """What is changed, with {columns} of the preview's row and {parameters}."""
    summary: str
    """What would be done, with {parameters}, {count}, and {columns} where one row is concerned."""
    done: str
    missing: str
    """Said when the preview finds nothing."""
    changes: Annotated[list[Change], Field(min_length=1)]
    allow_destructive: list[sql.Kind] = Field(default_factory=list)
    """Kinds of statements that are refused unless they are named here."""
    destructive: bool | None = None
    """What hosts are told. None: whether anything but adding is done."""
    idempotent: bool = False

    dialect: Dialect = "sqlite"
    """Of the database; not from the file."""

    @model_validator(mode="before")
    @classmethod
    def _takes_its_dialect(cls, fields: Any, info: ValidationInfo) -> Any:
        if not isinstance(fields, dict):
            return fields
        if "dialect" in fields:
            raise ValueError("dialect is the database's and cannot be set")
        return {**cast("dict[str, Any]", fields), **cast("dict[str, Any]", info.context)}

    @model_validator(mode="after")
    def _is_sound(self) -> "Action":
        if (self.statement is None) == (not self.statements):
            raise ValueError("give one of statement and statements")
        if self.statements and "expected_rows" in self.model_fields_set:
            raise ValueError("expected_rows stands in each of the statements")
        if self.preview_rows * len(self.changes) > MAX_CHANGES:
            raise ValueError(f"preview_rows times changes is more than {MAX_CHANGES}")
        _check_names(self)
        _check_statements(self)
        _check_lookups(self)
        _check_shown(self)
        return self

    @property
    def steps(self) -> list[ActionStatement]:
        """The statements in their order."""
        if self.statement is None:
            return self.statements
        return [ActionStatement(sql=self.statement, expected_rows=self.expected_rows)]

    @property
    def lookups(self) -> dict[str, LookupParameter]:
        """The parameters that are chosen by name."""
        return {
            name: parameter
            for name, parameter in self.parameters.items()
            if isinstance(parameter, LookupParameter)
        }

    @property
    def is_destructive(self) -> bool:
        """Whether it may do anything but add."""
        if self.destructive is not None:
            return self.destructive
        return not all(sql.adds_only(step.sql, self.dialect) for step in self.steps)

    @property
    def concerns_many(self) -> bool:
        return self.preview_rows > 1

    def counts_rows(self, statement: str) -> bool:
        """Whether the database can say how many rows this statement touched."""
        return not sql.kinds_of(statement, self.dialect) & sql.DEFINITIONS

    def bound(self, statement: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values that a statement binds."""
        return {name: values[name] for name in sql.bindings_of(statement, self.dialect)}

    def callers_values(self) -> set[str]:
        """Names of the caller's values that anything of the action binds."""
        texts = [step.sql for step in self.steps] + [self.preview]
        texts += [lookup.query for lookup in self.lookups.values()]
        return {
            name
            for text in texts
            for name in sql.bindings_of(text, self.dialect)
            if is_reserved(name)
        }


def load_actions(path: Path, dialect: Dialect) -> dict[str, Action]:
    """The actions of a file, by name, for a database of this dialect.

    Raises:
        BadSetup: naming the file, the action, the field and what is wrong.
    """
    content = read_toml(path, "actions file")
    if unknown := sorted(set(content) - {"actions"}):
        raise BadSetup(
            f"{path}: there is no section [{unknown[0]}]; actions stand under [actions.NAME]."
        )
    declared = content.get("actions", {})
    if not isinstance(declared, dict):
        raise BadSetup(f"{path}: actions stand under [actions.NAME].")
    actions = cast("dict[str, Any]", declared)
    return {name: _load(path, name, actions[name], dialect) for name in sorted(actions)}


def _load(path: Path, name: str, fields: Any, dialect: Dialect) -> Action:
    if not _NAME.fullmatch(name) or name.startswith("preview_"):
        raise BadSetup(
            f"{path}, action {name}: a name has 3 to 41 small letters, digits and underscores, and does not "
            "begin with preview_."
        )
    with naming_mistakes(f"{path}, action {name}"):
        return Action.model_validate(fields, context={"dialect": dialect})


def _check_names(action: Action) -> None:
    for name in action.parameters:
        if is_reserved(name) or name == VALUE or not _PARAMETER.fullmatch(name):
            raise ValueError(
                f"parameters.{name}: a parameter cannot be named so; small letters, digits and underscores, and not "
                "tenant, subject, value or claim_…, which stand for the caller and for what is looked up"
            )


def _check_statements(action: Action) -> None:
    used: set[str] = set()
    for number, step in enumerate(action.steps, 1):
        field = "statement" if action.statement is not None else f"statements.{number}"
        used |= _checked_bindings(field, step.sql, action)
        with _field(field):
            kinds = sql.kinds_of(step.sql, action.dialect)
            if unnamed := kinds - set(action.allow_destructive):
                raise ValueError(
                    f"is refused unless the action says allow_destructive = [{sql.in_words(unnamed)}]"
                )
            if action.dialect == "mysql" and kinds & sql.DEFINITIONS:
                raise ValueError(
                    "MySQL commits such a statement at once, so it could not be rolled back"
                )
    _checked_bindings("preview", action.preview, action)
    with _field("preview"):
        sql.require_select(action.preview, action.dialect)
    if unused := sorted(set(action.parameters) - used):
        raise ValueError(
            f"parameter {unused[0]} is not used in a statement; bind it as :{unused[0]}"
        )
    if action.destructive is False and not all(
        sql.adds_only(step.sql, action.dialect) for step in action.steps
    ):
        raise ValueError("destructive: the action does more than add, so it cannot be false")


def _checked_bindings(field: str, statement: str, action: Action) -> frozenset[str]:
    with _field(field):
        bindings = sql.bindings_of(statement, action.dialect)
    _refuse_unknown(field, bindings, set(action.parameters), ":{}")
    return bindings


def _check_lookups(action: Action) -> None:
    for name, lookup in action.lookups.items():
        field = f"parameters.{name}.query"
        with _field(field):
            sql.require_select(lookup.query, action.dialect)
            bindings = sql.bindings_of(lookup.query, action.dialect)
        if VALUE not in bindings:
            raise ValueError(f"{field} does not bind :{VALUE}, which is what was given")
        _refuse_unknown(field, bindings, {VALUE}, ":{}")
        if lookup.near is not None:
            with _field(f"parameters.{name}.near"):
                sql.require_select(lookup.near, action.dialect)
                if sql.bindings_of(lookup.near, action.dialect):
                    raise ValueError("binds values; it runs without any")
        if f"{{{name}}}" not in action.summary and name not in {
            change.new for change in action.changes
        }:
            raise ValueError(
                f"summary does not show {{{name}}}: whoever approves must see what was found"
            )


def _check_shown(action: Action) -> None:
    """What can be checked without the database. The columns are checked at start."""
    known = set(action.parameters)
    _refuse_unknown("missing", placeholders(action.missing), known, "{{{}}}")
    if action.concerns_many:
        for field, text in (("summary", action.summary), ("done", action.done)):
            _refuse_unknown(field, placeholders(text), known | {COUNT}, "{{{}}}")


def _refuse_unknown(field: str, names: Iterable[str], known: set[str], written: str) -> None:
    for name in sorted(names):
        if name not in known and not (written.startswith(":") and is_reserved(name)):
            raise ValueError(
                f"{field} uses {written.format(name)}, which is no parameter of the action"
            )


@contextmanager
def _field(name: str) -> Generator[None]:
    """Names the field in what is wrong with its SQL."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None
