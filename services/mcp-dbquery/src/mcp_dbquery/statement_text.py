"""What of a statement's text no database needs to be asked about: the same for every engine."""

import re

from mcp_dbquery.errors import StatementInvalid, StatementRefused

# C0 without tab and the ends of lines, DEL, C1, and halves of surrogate pairs, which JSON can carry.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def check_text(sql: str, longest: int) -> None:
    """Raises StatementInvalid: there is no text. StatementRefused: it is too long, or not only text."""
    if not sql.strip():
        raise StatementInvalid("There is no statement.", hint="Write one SELECT.")
    if len(sql) > longest:
        raise StatementRefused(
            f"The statement has {len(sql):,} characters; {longest:,} are the limit.",
            hint="Bind long values as parameters.",
            rule="too_long",
        )
    found = _NOT_TEXT.search(sql)
    if found is not None:
        raise StatementRefused(
            "The statement contains a control character.",
            hint="Leave it out, or bind it as a parameter where it is meant.",
            rule="control_character",
            position=found.start() + 1,
        )
