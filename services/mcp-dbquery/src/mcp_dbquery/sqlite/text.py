"""What of a statement is not worth showing to the database. A help for the model, not the boundary."""

from mcp_dbquery.engine import Parameters, Scalar
from mcp_dbquery.errors import StatementInvalid, StatementRefused
from mcp_dbquery.sqlite.comments import without_comments
from mcp_dbquery.statement_text import check_text

FIRST_WORDS = ("select", "with", "values", "explain")
SMALLEST, LARGEST = -(2**63), 2**63 - 1


def check_statement(sql: str, max_characters: int) -> None:
    """Raises StatementRefused, StatementInvalid."""
    check_text(sql, max_characters)
    words = without_comments(sql).split(None, 1)
    if not words:
        raise StatementInvalid("The statement is empty.", hint="Write one SELECT.")
    if words[0].lower().lstrip("(") not in {*FIRST_WORDS, ""}:
        raise StatementRefused(
            "Only SELECT (also WITH … SELECT and VALUES) runs here; this server's queries read only.",
            rule="only_select",
        )


def problem_with_value(parameters: Parameters) -> str | None:
    """Why a value cannot be bound, None when all can."""
    named = parameters.items() if isinstance(parameters, dict) else enumerate(parameters, 1)
    for name, value in named:
        what = f"The value for :{name}" if isinstance(name, str) else f"Value {name}"
        problem = _value_problem(value)
        if problem is not None:
            return f"{what} {problem}."
    return None


def _value_problem(value: Scalar) -> str | None:
    if isinstance(value, int) and not SMALLEST <= value <= LARGEST:
        return "does not fit into 64 bits"
    if isinstance(value, str) and not _is_unicode(value):
        return "is not valid Unicode"
    return None


def _is_unicode(text: str) -> bool:
    """A lone half of a surrogate pair, which JSON can carry, is no character."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
