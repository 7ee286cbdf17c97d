"""Names and values as they stand in an SQLite statement of ours."""


def quoted(name: str) -> str:
    """A name of a table or column, whatever it is."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | None) -> str:
    """A text as SQLite reads it back. One with a NUL, which would end the statement there, becomes NULL."""
    if value is None or "\0" in value:
        return "NULL"
    return "'" + value.replace("'", "''") + "'"
