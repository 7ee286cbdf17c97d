"""What a statement may do, as SQLite's own authorizer is told it: read visible tables, call harmless functions.

The engine asks for every single access while it compiles a statement, so nothing hides in syntax. Default: deny.
"""

import sqlite3
from collections.abc import Callable, Iterable

ALLOWED_FUNCTIONS = frozenset(
    [
        "abs",
        "avg",
        "bm25",
        "ceil",
        "ceiling",
        "char",
        "coalesce",
        "count",
        "cume_dist",
        "date",
        "datetime",
        "degrees",
        "dense_rank",
        "exp",
        "first_value",
        "floor",
        "glob",
        "group_concat",
        "hex",
        "highlight",
        "ifnull",
        "iif",
        "instr",
        "json",
        "json_array",
        "json_array_length",
        "json_each",
        "json_extract",
        "json_group_array",
        "json_group_object",
        "json_object",
        "json_quote",
        "json_tree",
        "json_type",
        "json_valid",
        "julianday",
        "lag",
        "last_value",
        "lead",
        "length",
        "like",
        "ln",
        "log",
        "log10",
        "log2",
        "lower",
        "ltrim",
        "match",
        "max",
        "min",
        "mod",
        "nth_value",
        "ntile",
        "nullif",
        "percent_rank",
        "pi",
        "pow",
        "power",
        "quote",
        "radians",
        "rank",
        "replace",
        "round",
        "row_number",
        "rtrim",
        "sign",
        "snippet",
        "sqrt",
        "strftime",
        "substr",
        "substring",
        "sum",
        "time",
        "total",
        "trim",
        "trunc",
        "typeof",
        "unicode",
        "unixepoch",
        "upper",
        "->",
        "->>",
    ]
)
"""printf, format, randomblob and zeroblob are left out: one call of them runs for seconds past every limit."""

TABLE_FUNCTIONS = frozenset({"json_each", "json_tree"})
FIRST_WORDS = ("select", "with", "values", "explain")
LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 2_000_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COLUMN: 200,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
MAX_SQL_CHARACTERS = 100_000

Authorizer = Callable[[int, str | None, str | None, str | None, str | None], int]


def make_authorizer(tables: Iterable[str], modules: Iterable[str], denied: list[str]) -> Authorizer:
    """The authorizer for these tables, in a database with these virtual table modules.

    What it denies is added to `denied`, for a clear refusal.
    """
    readable = frozenset(table.lower() for table in tables) | TABLE_FUNCTIONS
    off_limits = frozenset(module.lower() for module in modules) - readable

    def is_local_name(name: str) -> bool:
        # count(*) over a CTE or subquery is asked for by its name alone, without column and database. A real
        # table is asked for in the same way, so the name must be no system table or module.
        return name not in off_limits and not name.startswith(("sqlite_", "pragma_"))

    def authorize(
        action: int, first: str | None, second: str | None, database: str | None, _: str | None
    ) -> int:
        match action:
            case sqlite3.SQLITE_SELECT | sqlite3.SQLITE_RECURSIVE:
                return sqlite3.SQLITE_OK
            case sqlite3.SQLITE_READ:
                table = (first or "").lower()
                if table in readable and database in {"main", None}:
                    return sqlite3.SQLITE_OK
                if database is None and not second and is_local_name(table):
                    return sqlite3.SQLITE_OK
                denied.append(f"table {first}")
            case sqlite3.SQLITE_FUNCTION:
                if (second or "").lower() in ALLOWED_FUNCTIONS:
                    return sqlite3.SQLITE_OK
                denied.append(f"function {second}")
            case sqlite3.SQLITE_PRAGMA if first == "data_version" and second is None:
                # FTS5 asks this of itself to see whether the file has changed.
                return sqlite3.SQLITE_OK
            case _:
                denied.append("anything but reading")
        return sqlite3.SQLITE_DENY

    return authorize


def problem_with_text(sql: str) -> str | None:
    """Why this is not worth showing to the database, None when it is. A help for the model, not the boundary."""
    if len(sql) > MAX_SQL_CHARACTERS:
        return f"The statement is longer than {MAX_SQL_CHARACTERS:,} characters."
    if any(ord(character) < 32 and character not in "\t\n\r" for character in sql):
        return "The statement contains control characters."
    words = _without_comments(sql).split(None, 1)
    if not words:
        return "The statement is empty."
    if words[0].lower().lstrip("(") not in {*FIRST_WORDS, ""}:
        return "Only SELECT (also WITH … SELECT and VALUES) runs here; this server's queries read only."
    return None


def _without_comments(sql: str) -> str:
    """The statement without the comments before its first word."""
    text = sql.strip()
    while text.startswith(("--", "/*")):
        end = "\n" if text.startswith("--") else "*/"
        text = text.partition(end)[2].strip()
    return text
