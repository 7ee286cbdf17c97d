"""Turns the configuration into the rules for one caller, and finds what in it does not fit the file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcp_dbquery.callers import is_reserved, values_of
from mcp_dbquery.config import DatabaseConfig, RowRule, TableRule
from mcp_dbquery.engine import Catalog
from mcp_dbquery.hints import did_you_mean
from mcp_dbquery.sqlite.filters import names_in, strange_part, with_values
from mcp_dbquery.sqlite.rules import Rule, Rules, Shown
from shared.errors import BadSetup
from shared.service_tokens import Principal

NO_ROW = "0"
EVERYTHING = Rules()


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one database."""

    config: DatabaseConfig
    hash_key: str

    def rules_for(self, caller: Principal) -> Rules:
        """What this caller may see."""
        return self._rules(
            {
                name: _table_rule(table, caller.roles, _filter(table, caller))
                for name, table in self.config.tables.items()
            }
        )

    def variants(self) -> Iterator[Rules]:
        """Rules that together contain every row rule and every mask, with no value for any caller."""
        tables = self.config.tables
        for index in range(max((len(table.rows) for table in tables.values()), default=0) or 1):
            yield self._rules(
                {
                    name: Rule(
                        hidden=table.hidden,
                        filter=_without_values(table.rows[index])
                        if index < len(table.rows)
                        else None,
                        columns=_columns(table, frozenset()),
                    )
                    for name, table in tables.items()
                }
            )

    def check_names(self, file: Catalog) -> None:
        """Raises BadSetup for a table or column that the file does not have, and for a filter that cannot be kept."""
        for name, table in self.config.tables.items():
            relation = file.find(name)
            if relation is None:
                raise BadSetup(
                    _sentence(f"tables.{name}: there is no such table", name, file.relations)
                )
            columns = [column.name for column in relation.columns]
            known = {column.lower() for column in columns}
            for column in table.columns:
                if column.lower() not in known:
                    where = f"tables.{name}.columns.{column}: there is no such column"
                    raise BadSetup(_sentence(where, column, columns))
            for index, rule in enumerate(table.rows):
                _check_filter(f"tables.{name}.rows.{index}", rule)

    def facts(self) -> list[str]:
        """What is hidden, masked and filtered, in sentences."""
        config = self.config
        told: list[str] = []
        if config.expose == "listed":
            told.append(f"Only these tables can be asked: {_list(config.tables)}.")
        hidden = [name for name, table in config.tables.items() if table.hidden]
        if hidden:
            told.append(f"Hidden from everybody: {_list(hidden)}.")
        for name, table in config.tables.items():
            told.extend(_table_facts(name, table))
        return told

    def _rules(self, tables: Mapping[str, Rule]) -> Rules:
        return Rules(
            expose_all=self.config.expose == "all",
            tables={name.lower(): rule for name, rule in tables.items()},
            hash_key=self.hash_key,
        )


def _table_rule(table: TableRule, roles: frozenset[str], condition: str | None) -> Rule:
    is_theirs = not table.roles or bool(roles & set(table.roles))
    return Rule(
        hidden=table.hidden or not is_theirs, filter=condition, columns=_columns(table, roles)
    )


def _columns(table: TableRule, roles: frozenset[str]) -> dict[str, Shown]:
    def shown(name: str) -> Shown:
        rule = table.columns[name]
        if rule.hidden:
            return "hidden"
        if rule.mask is None or roles & set(rule.unmasked_for):
            return "shown"
        return rule.mask

    return {name.lower(): shown(name) for name in table.columns}


def _filter(table: TableRule, caller: Principal) -> str | None:
    if not table.rows:
        return None
    rule = table.row_rule(caller.roles)
    if rule is None:
        return NO_ROW
    if rule.is_everything:
        return None
    return with_values(rule.filter, values_of(caller, names_in(rule.filter)))


def _without_values(rule: RowRule) -> str:
    return with_values(rule.filter, dict.fromkeys(names_in(rule.filter)))


def _check_filter(where: str, rule: RowRule) -> None:
    unknown = [name for name in names_in(rule.filter) if not is_reserved(name)]
    if unknown:
        raise BadSetup(
            f"{where}: :{unknown[0]} stands for nothing; there are :tenant, :subject and :claim_NAME."
        )
    strange = strange_part(rule.filter)
    if strange is not None:
        raise BadSetup(f"{where}: a filter is one condition without “{strange}”.")


def _table_facts(name: str, table: TableRule) -> Iterator[str]:
    if table.hidden:
        return
    if table.roles:
        yield f"{name}: only for {_list(table.roles)}."
    for index, rule in enumerate(table.rows):
        everybody = "everybody else" if index else "everybody"
        yield f"{name}: {_list(rule.roles) or everybody} sees rows where {rule.filter}."
    if table.rows and all(rule.roles for rule in table.rows):
        yield f"{name}: all others see no row."
    hidden = [column for column, rule in table.columns.items() if rule.hidden]
    if hidden:
        yield f"{name}: hidden columns: {_list(hidden)}."
    for column, rule in table.columns.items():
        if rule.mask is not None:
            seen = f", but not for {_list(rule.unmasked_for)}" if rule.unmasked_for else ""
            yield f"{name}.{column}: masked ({rule.mask}){seen}."


def _sentence(what: str, name: str, known: Mapping[str, object] | Sequence[str]) -> str:
    near = did_you_mean(name, known).sentence
    return f"{what}. {near}".strip()


def _list(names: Mapping[str, object] | Sequence[str]) -> str:
    return ", ".join(names)
