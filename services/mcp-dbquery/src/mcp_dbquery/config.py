"""The configuration: which databases may be asked, by whom, how much of them, and what may be changed in them."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from mcp_dbquery.parameters import Parameter
from shared.config_file import Secret, Strict, load, naming_mistakes

NAME = r"^[a-z][a-z0-9_]{0,40}$"

MaskKind = Literal["null", "redacted", "hash", "last4", "domain", "year"]
"""What stands in place of a value: nothing · `•••` · a keyed hash, the same for the same value, so that joins and
distinct counts still work · its last four characters after `•••`, if it has more than eight · what
follows the @ of an address after `•••` · the 1 January of a date's year."""


class Limits(Strict):
    """How much one call, and one person, may take. All are told by list_databases."""

    timeout_s: Annotated[PositiveFloat, Field(le=60)] = 10.0
    page_rows: Annotated[PositiveInt, Field(le=5_000)] = 200
    """Rows of a page when the caller does not say how many."""
    read_rows: Annotated[PositiveInt, Field(le=5_000)] = 5_000
    """Rows read of one statement; reading stops there. The pages after the first come from these."""
    page_bytes: PositiveInt = 256 * 1024
    read_bytes: PositiveInt = 4 * 1024 * 1024
    cell_characters: PositiveInt = 4_096
    columns: PositiveInt = 200
    sql_characters: PositiveInt = 100_000
    memory_mb: Annotated[int, Field(ge=256)] = 1_024
    """Of the process that runs a statement (SQLite)."""
    cost: PositiveFloat = 1e6
    """The planner's estimate above which a statement is refused (PostgreSQL: cost units)."""
    cost_rows: PositiveFloat = 1e8
    """The planner's estimate of rows above which a statement is refused."""
    concurrent: PositiveInt = 2
    """Statements of one person at once."""
    per_minute: PositiveInt = 30
    """Statements of one person a minute, in the long run and at once."""
    spool_bytes: PositiveInt = 20 * 1024 * 1024
    """Of one person's results kept for their next pages."""
    spool_s: PositiveFloat = 300.0


class ColumnRule(Strict):
    """What is shown of a column."""

    hidden: bool = False
    """Not there, for anybody."""
    mask: MaskKind | None = None
    unmasked_for: list[str] = Field(default_factory=list)
    """Roles that see the value itself."""
    description: str | None = None
    examples: bool = True
    """Whether describe_tables may show values of it. Never of a masked one."""

    @model_validator(mode="after")
    def _is_one_thing(self) -> "ColumnRule":
        if self.hidden and self.mask:
            raise ValueError("a column is hidden or masked, not both")
        if self.unmasked_for and not self.mask:
            raise ValueError("unmasked_for needs a mask")
        return self


class RowRule(Strict):
    """Which rows the people with these roles see."""

    filter: str
    """A condition on the table's own columns in the database's SQL. :tenant, :subject and :claim_NAME stand for what
    the caller's verified token says (a missing claim is NULL, which no comparison holds for)."""
    roles: list[str] = Field(default_factory=list)
    """Empty: everybody."""

    @property
    def is_everything(self) -> bool:
        """Whether it keeps no row from anybody."""
        return self.filter.strip().lower() == "true"


class TableRule(Strict):
    """Who sees what of a table."""

    hidden: bool = False
    """Not there, for anybody."""
    roles: list[str] = Field(default_factory=list)
    """Who may ask it. Empty: everybody who may ask the database."""
    rows: list[RowRule] = Field(default_factory=list)
    """The first whose roles fit the caller counts. None fits: no row is seen. Empty list: all rows are."""
    columns: dict[str, ColumnRule] = Field(default_factory=dict)
    description: str | None = None

    def row_rule(self, roles: frozenset[str]) -> RowRule | None:
        """The rule for a caller with these roles, None when no rule fits."""
        fitting = (rule for rule in self.rows if not rule.roles or roles & set(rule.roles))
        return next(fitting, None)

    def is_filtered_for(self, roles: frozenset[str]) -> bool:
        """Whether a caller with these roles is kept from some of the rows."""
        rule = self.row_rule(roles)
        return bool(self.rows) and (rule is None or not rule.is_everything)


class SavedQuery(Strict):
    """A query under a name, with typed parameters."""

    title: str
    description: str
    sql: str
    """One SELECT that binds its parameters as :name."""
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    roles: list[str] = Field(default_factory=list)
    """Who may run it. Empty: everybody who may ask the database. It reads what its caller may read, no more."""


class DatabaseConfig(Strict):
    """One database. Its URL may hold a password, so it may also be given as a secret."""

    url: str | None = None
    """sqlite:////absolute/path.db, postgresql://user@host/name, mysql://user@host/name (MariaDB too)."""
    url_from: Secret | None = None
    description: str = ""
    roles: list[str] = Field(default_factory=list)
    """Who may ask it. Empty: everybody who is signed in."""
    expose: Literal["all", "listed"] = "all"
    """All tables that the rules do not hide, or only those that [tables.NAME] lists."""
    tables: dict[str, TableRule] = Field(default_factory=dict)
    """By name; on PostgreSQL `schema.name` for tables outside the first of `schemas`."""
    limits: dict[str, float] = Field(default_factory=dict)
    """Limits that differ from the server's."""
    queries: dict[Annotated[str, Field(pattern=NAME)], SavedQuery] = Field(default_factory=dict)

    schemas: list[str] = Field(default_factory=lambda: ["public"])
    """PostgreSQL: where the tables are from which `mcp-dbquery init` makes views."""
    safe_schema: Annotated[str, Field(pattern=NAME)] = "mcp_safe"
    """PostgreSQL: the schema of those views; MySQL: the database of those views. Nothing else is asked."""
    direct: bool = False
    """PostgreSQL, MySQL: ask the tables themselves, with the rights of the login alone. Not with rules for rows or
    columns, which only views can keep."""
    context_key: Secret | None = None
    """PostgreSQL, MySQL: with what the caller's tenant, name and roles are signed for the views. `init` makes it."""

    actions_file: Path | None = None
    actions_url: str | None = None
    """PostgreSQL, MySQL: the login that does the declared actions. SQLite: not needed."""
    actions_url_from: Secret | None = None

    @model_validator(mode="after")
    def _is_sound(self) -> "DatabaseConfig":
        if (self.url is None) == (self.url_from is None):
            raise ValueError("give one of url and url_from")
        if self.actions_url is not None and self.actions_url_from is not None:
            raise ValueError("give one of actions_url and actions_url_from")
        has_rules = any(rule.rows or rule.columns or rule.roles for rule in self.tables.values())
        if self.direct and has_rules:
            raise ValueError(
                "direct cannot keep rules for tables, rows or columns; leave it out and run init"
            )
        return self

    def read_url(self, name: str) -> str:
        """The URL for reading. Raises BadSetup."""
        return self.url or _given(self.url_from).read(f"The URL of the database {name}")

    def read_actions_url(self, name: str) -> str | None:
        """The URL for actions, None when there is none. Raises BadSetup."""
        if self.actions_url_from is None:
            return self.actions_url
        return self.actions_url_from.read(f"The actions URL of the database {name}")


class Config(Strict):
    """The whole file."""

    limits: Limits = Field(default_factory=Limits)
    databases: Annotated[
        dict[Annotated[str, Field(pattern=NAME)], DatabaseConfig], Field(min_length=1)
    ]

    def limits_of(self, database: str) -> Limits:
        """The server's limits with what this database says instead."""
        return Limits.model_validate(self.limits.model_dump() | self.databases[database].limits)


def load_config(path: Path) -> Config:
    """Read the file. Paths in it are relative to its folder.

    Raises:
        BadSetup: naming the file, the place in it and what is wrong.
    """
    config = load(path, Config, paths={"file", "actions_file"})
    with naming_mistakes(f"{path}, limits"):
        for name in config.databases:
            config.limits_of(name)
    return config


def _given(secret: Secret | None) -> Secret:
    assert secret is not None  # noqa: S101 - validated
    return secret
