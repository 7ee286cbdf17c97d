"""What stands in a view in place of a masked column. NULL stays NULL: whether there is a value is not hidden."""

from mcp_dbquery.masking import DOTS, SHOWN_ONLY_OF_LONGER_THAN
from mcp_dbquery.sqlite.names import quoted
from mcp_dbquery.sqlite.visible import VisibleColumn


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
            expression = f"CASE WHEN {name} IS NOT NULL THEN '{DOTS}' END"
        case "hash":
            expression = f"{quoted(hash_function)}({name})"
        case "last4":
            expression = (
                f"CASE WHEN length({text}) > {SHOWN_ONLY_OF_LONGER_THAN} THEN '{DOTS}' || substr({text}, -4) "
                f"WHEN {name} IS NOT NULL THEN '{DOTS}' END"
            )
        case "domain":
            expression = (
                # What follows the last @: the text without all that rtrim leaves when only what is no @ is trimmed.
                f"CASE WHEN instr({text}, '@') > 0 "
                f"THEN '{DOTS}@' || replace({text}, rtrim({text}, replace({text}, '@', '')), '') "
                f"WHEN {name} IS NOT NULL THEN '{DOTS}' END"
            )
        case "year":
            expression = f"strftime('%Y-01-01', {name}, 'auto')"
    return f"{expression} AS {name}"
