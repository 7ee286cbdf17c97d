"""Turns what a worker says went wrong into what the model is told."""

from collections.abc import Collection
from typing import Any

from mcp_dbquery.config import Limits
from mcp_dbquery.engine import Catalog
from mcp_dbquery.errors import (
    DatabaseAway,
    StatementInvalid,
    StatementRefused,
    TooLarge,
    TooSlow,
    UnknownRelation,
)
from mcp_dbquery.hints import did_you_mean, shortened
from shared.mcp_server import Problem

INSTEAD = {
    "now": "Use datetime('now').",
    "curdate": "Use date('now').",
    "getdate": "Use datetime('now').",
    "date_trunc": "Use strftime('%Y-%m-01', …).",
    "date_format": "Use strftime().",
    "to_char": "Use strftime() or printf().",
    "extract": "Use strftime('%Y', …), which gives a text.",
    "year": "Use strftime('%Y', …).",
    "month": "Use strftime('%m', …).",
    "day": "Use strftime('%d', …).",
    "datediff": "Use julianday(a) - julianday(b).",
    "greatest": "Use max(a, b).",
    "least": "Use min(a, b).",
    "left": "Use substr(text, 1, n).",
    "right": "Use substr(text, -n).",
    "nvl": "Use coalesce().",
    "isnull": "Use coalesce() or IS NULL.",
    "len": "Use length().",
    "array_agg": "Use json_group_array().",
    "regexp": "Use LIKE or GLOB.",
    "random_uuid": "Values cannot be made here.",
}
"""What SQLite calls functions that models know from other databases."""


def problem_of(told: dict[str, Any], limits: Limits, catalog: Catalog) -> Problem:
    """The problem. Only visible names are suggested."""
    text = str(told.get("text") or "")
    match told["kind"]:
        case "timeout":
            return TooSlow(
                f"Stopped after {limits.timeout_s:g} s.",
                hint="Add a filter, aggregate less, or ask for fewer rows.",
            )
        case "memory":
            return TooLarge(
                "The statement needs more memory than it may have.",
                hint="Aggregate more or select less.",
            )
        case "row":
            return TooLarge(
                "One row is larger than an answer may be.", hint="Select fewer columns."
            )
        case "columns":
            return TooLarge(
                f"The result has more than {limits.columns} columns, which is the most.",
                hint="Name the columns you need.",
            )
        case "away":
            return DatabaseAway(f"The database cannot be asked right now: {text}.")
        case "rules":
            # Whose text names tables and rules of the configuration, for its owner.
            return DatabaseAway(
                "The database cannot be asked right now: it does not fit the server's rules any more."
            )
        case "unknown":
            return _unknown(told, catalog)
        case "invalid" | "parameters":
            return StatementInvalid(_as_sentence(text), **_position(told))
        case _:
            return _refused(told, text)


def _refused(told: dict[str, Any], text: str) -> StatementRefused:
    match told["kind"]:
        case "denied_function":
            return StatementRefused(
                f"The function {shortened(text)} is not available here.",
                hint=INSTEAD.get(
                    text.lower(), "Use aggregates, text, date, JSON, math and window functions."
                ),
                rule="function",
                **_position(told),
            )
        case "policy":
            return StatementRefused(
                "It reads a table in a way that this server's rules do not allow.",
                hint="Write each table by its name alone, without main. before it.",
                rule="relation_not_allowed",
            )
        case "not_a_query" if "EXPLAIN" in text:
            return StatementRefused(text, hint="Use the explain tool.", rule="only_select")
        case "several":
            return StatementRefused(text, hint="Send them one by one.", rule="one_statement")
        case "not_a_query":
            return StatementRefused(text, hint="Send one SELECT.", rule="only_select")
        case _:
            return StatementRefused("This statement does more than read.", rule="only_select")


def _unknown(told: dict[str, Any], catalog: Catalog) -> UnknownRelation:
    kind, name = told["what"], str(told["name"])
    near = did_you_mean(name.rpartition(".")[2], _names(kind, catalog))
    text = " A text value stands in single quotes." if kind == "column" and not near else ""
    tool = "list_tables names" if kind == "table" else "describe_tables names"
    return UnknownRelation(
        f"There is no {kind} “{shortened(name)}”.",
        hint=f"{near.sentence}{text} {tool} what there is.".strip(),
        did_you_mean=near.names,
        **_position(told),
    )


def _names(kind: str, catalog: Catalog) -> Collection[str]:
    if kind == "table":
        return set(catalog.relations)
    return {column.name for relation in catalog.relations.values() for column in relation.columns}


def _position(told: dict[str, Any]) -> dict[str, Any]:
    return {"position": told["position"]} if "position" in told else {}


def _as_sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].removesuffix('.')}."
