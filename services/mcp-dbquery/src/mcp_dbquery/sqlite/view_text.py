"""Makes another view of the statement that made one."""

import re

_NAME = r"""(?:"(?:[^"]|"")*"|\[[^\]]*\]|`(?:[^`]|``)*`|'(?:[^']|'')*'|[^\s("\[`']+)"""
# SQLite keeps the text from the name on as it was written, and puts CREATE VIEW before it.
_VIEW = re.compile(rf"\s*CREATE\s+VIEW\s+{_NAME}(?P<rest>.*)", re.IGNORECASE | re.DOTALL)


def after_the_name(sql: str) -> str | None:
    """Its columns, if it names them, and its SELECT. None when the text is no such statement."""
    found = _VIEW.fullmatch(sql)
    return found["rest"] if found else None
