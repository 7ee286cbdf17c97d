"""Names and texts as they stand in SQL that we write. Values of callers are bound, never written."""

from collections.abc import Iterable


def identifier(name: str) -> str:
    """A quoted name."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text, whatever standard_conforming_strings says."""
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return f"E{quoted}" if "\\" in text else quoted


def role_list(roles: Iterable[str]) -> str:
    """An array of texts."""
    return f"ARRAY[{', '.join(literal(role) for role in roles)}]::text[]"
