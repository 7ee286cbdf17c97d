"""What stands in a view in place of a masked column. NULL stays NULL: whether there is a value is not hidden."""

from mcp_dbquery.sqlite.names import quoted
from mcp_dbquery.sqlite.visible import VisibleColumn

SHOWN_ONLY_OF_LONGER_THAN = 8
"""Of a shorter text, its last four characters would be most of it."""


def masked(column: VisibleColumn, hash_function: str) -> str:
    """The expression for a column in a SELECT list, with its own name."""
    name = quoted(column.name)
    text = f"CAST({name} AS TEXT)"
    match column.mask:
        case None:
            return name
        case "null":
            expression = "NULL"
        case "redacted":
            expression = f"CASE WHEN {name} IS NOT NULL THEN '•••' END"
        case "hash":
            expression = f"{quoted(hash_function)}({name})"
        case "last4":
            expression = (
                f"CASE WHEN length({text}) > {SHOWN_ONLY_OF_LONGER_THAN} THEN '•••' || substr({text}, -4) "
                f"WHEN {name} IS NOT NULL THEN '•••' END"
            )
        case "domain":
            expression = (
                # What follows the last @: the text without all that rtrim leaves when only what is no @ is trimmed.
                f"CASE WHEN instr({text}, '@') > 0 "
                f"THEN '•••@' || replace({text}, rtrim({text}, replace({text}, '@', '')), '') "
                f"WHEN {name} IS NOT NULL THEN '•••' END"
            )
        case "year":
            expression = f"strftime('%Y-01-01', {name}, 'auto')"
    return f"{expression} AS {name}"
