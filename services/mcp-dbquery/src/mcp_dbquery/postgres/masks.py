"""Column masks as SQL.

They stand in the view, below every condition of a statement, so that no condition, cast or error sees the value.
"""

from mcp_dbquery.config import ColumnRule, MaskKind
from mcp_dbquery.masking import DOTS, HASH_CHARACTERS, SHOWN_ONLY_OF_LONGER_THAN
from mcp_dbquery.postgres.introspection import TableColumn
from mcp_dbquery.postgres.quoting import identifier, literal, role_list
from shared.errors import BadSetup

_DATES = frozenset({"date", "timestamp", "timestamptz"})


def masked_column(column: TableColumn, rule: ColumnRule | None, private: str) -> str:
    """The column of a view, named. `private` is the quoted schema of the functions that know who asks.

    Raises:
        BadSetup: the mask does not fit the column's type.
    """
    name = identifier(column.name)
    if rule is None or rule.mask is None:
        return f"t.{name}"
    masked, type_name = _mask(rule.mask, column, private)
    if rule.unmasked_for:
        value = f"t.{name}" if type_name is None else f"t.{name}::{type_name}"
        sees = f"(SELECT {private}.has_role({role_list(rule.unmasked_for)}))"
        masked = f"CASE WHEN {sees} THEN {value} ELSE {masked} END"
    return f"{masked} AS {name}"


def _mask(kind: MaskKind, column: TableColumn, private: str) -> tuple[str, str | None]:
    """The expression, and the type that it has; None: the column's own."""
    value = f"t.{identifier(column.name)}"
    text = f"{value}::text"
    dots = literal(DOTS)
    match kind:
        case "null":
            return f"NULL::{column.type}", None
        case "redacted":
            return f"CASE WHEN {value} IS NOT NULL THEN {dots} END", "text"
        case "hash":
            inner, outer = (
                f"(SELECT {private}.mask_pad({literal(pad)}))" for pad in ("inner", "outer")
            )
            digest = f"sha256({outer} || sha256({inner} || convert_to({text}, 'UTF8')))"
            return f"left(encode({digest}, 'hex'), {HASH_CHARACTERS})", "text"
        case "last4":
            shown = f"CASE WHEN length({text}) > {SHOWN_ONLY_OF_LONGER_THAN} THEN right({text}, 4) ELSE '' END"
            return f"CASE WHEN {value} IS NOT NULL THEN {dots} || {shown} END", "text"
        case "domain":
            return (
                f"CASE WHEN {value} IS NOT NULL THEN {dots} || coalesce(substring({text} FROM '@[^@]*$'), '') END",
                "text",
            )
        case "year":
            if column.base not in _DATES:
                raise BadSetup(
                    f"The mask year needs a date or timestamp; {column.name} is {column.type}."
                )
            return f"date_trunc('year', {value})::date", "date"
