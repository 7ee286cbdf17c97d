"""What a model should know of each dialect to write SQL that runs here."""

from collections.abc import Sequence

from mcp_dbquery.engine import Dialect

NAMES: dict[Dialect, str] = {
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "mysql": "MySQL",
}
BINDING: dict[Dialect, str] = {
    "sqlite": ":name or ?",
    "postgresql": ":name or $1",
    "mysql": ":name or ?",
}
ADVICE: dict[Dialect, tuple[str, ...]] = {
    "sqlite": (
        "Dates are ISO texts: compare them so, take parts with strftime('%Y-%m', …), add with date(…, '-30 days').",
        "Divide as reals (a * 1.0 / b): two integers give an integer.",
        "LIKE ignores case for ASCII letters. || joins texts. There is no printf or format.",
        "A text stands in single quotes, a name with odd characters in double quotes.",
    ),
    "postgresql": (
        "date_trunc('month', …), intervals such as now() - interval '30 days', count(*) FILTER (WHERE …).",
        "Divide as numerics (a::numeric / b): two integers give an integer. ILIKE ignores case.",
        "A text stands in single quotes; a name keeps its capitals only in double quotes.",
    ),
    "mysql": (
        "DATE_FORMAT(…, '%Y-%m'), DATE_SUB(NOW(), INTERVAL 30 DAY); CONCAT joins texts.",
        "A text stands in single quotes, a name with odd characters in backticks.",
        "Every column outside of an aggregate must stand in GROUP BY.",
    ),
}
COMMON = (
    "One SELECT (WITH … SELECT too). Nothing that writes, no session settings, no system tables.",
    "Bind values that came from a person instead of writing them in.",
    "Aggregate and filter in SQL rather than reading many rows; add ORDER BY, and LIMIT for a top list.",
)


def which_dialect(dialects: Sequence[str]) -> str:
    """`SQLite's dialect`, or where to look it up when there are several."""
    names = [name for dialect, name in NAMES.items() if dialect in dialects]
    if len(names) == 1:
        return f"{names[0]}'s dialect"
    return f"the database's own dialect ({' or '.join(names)}; list_databases tells which)"


def how_to_bind(dialects: Sequence[str]) -> str:
    """How values are bound, a sentence."""
    ways = [(way, NAMES[dialect]) for dialect, way in BINDING.items() if dialect in dialects]
    if len({way for way, _ in ways}) == 1:
        return f"Bind values as {ways[0][0]} instead of writing them in."
    told = ", ".join(f"{way} in {name}" for way, name in ways)
    return f"Bind values instead of writing them in: {told}."


def rules(dialect: Dialect) -> list[str]:
    """Advice for writing SQL, a sentence each."""
    return [*COMMON, f"Values are bound as {BINDING[dialect]}.", *ADVICE[dialect]]
