"""Which SQL functions statements may call, and the ones that SQLite's own are replaced by.

A function is here when it only computes, and when what it computes is bounded by the limit on lengths. The worker is
killed when one call of it overruns, so a slow one costs its caller the answer and nobody else anything.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any, Final

import apsw

from mcp_dbquery.masking import HASH_CHARACTERS
from mcp_dbquery.sqlite.ask import SqlValue, value_of

AGGREGATES = "avg count group_concat max median min percentile percentile_cont percentile_disc string_agg sum total"
WINDOWS = "cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number"
TEXTS = (
    "char concat concat_ws format glob hex instr length like lower ltrim octet_length printf quote replace rtrim"
    " substr substring trim unhex unicode unistr upper"
)
DATES = "current_date current_time current_timestamp date datetime julianday strftime time timediff unixepoch"
NUMBERS = (
    "abs acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi"
    " pow power radians random round sign sin sinh sqrt tan tanh trunc"
)
CHOICES = "coalesce if ifnull iif likelihood likely nullif typeof unlikely"
JSON = (
    "-> ->> json json_array json_array_insert json_array_length json_each json_error_position json_extract"
    " json_group_array json_group_object json_insert json_object json_patch json_pretty json_quote json_remove"
    " json_replace json_set json_tree json_type json_valid"
)
SEARCH = "bm25 highlight match matchinfo offsets snippet"

ALLOWED_FUNCTIONS: Final = frozenset(
    f"{AGGREGATES} {WINDOWS} {TEXTS} {DATES} {NUMBERS} {CHOICES} {JSON} {SEARCH}".split()
)
"""Left out on purpose: randomblob and zeroblob (memory at once), load_extension, fts3_tokenizer and optimize (side
effects), changes, last_insert_rowid, sqlite_* and geopoly_* (nothing to ask a table with)."""

_CONVERSION = re.compile(r"%(?:[^A-Za-z%]|l)*")
_TOO_WIDE = re.compile(r"\*|\d{4,}")


class FunctionRefused(Exception):
    """A function was called with arguments that it may not have; the text carries no value."""


def add_functions(connection: apsw.Connection) -> None:
    """Put the bounded functions in place of SQLite's own: one call of its printf runs for a minute past any limit."""
    formatting = apsw.Connection(":memory:")
    formatting.limit(apsw.SQLITE_LIMIT_LENGTH, connection.limit(apsw.SQLITE_LIMIT_LENGTH))

    def bounded_printf(*arguments: SqlValue) -> SqlValue:
        if not arguments or arguments[0] is None:
            return None
        if any(_TOO_WIDE.search(found) for found in _CONVERSION.findall(str(arguments[0]))):
            raise FunctionRefused(
                "printf may not pad to a width of 1,000 or more, nor to one given by *"
            )
        places = ",".join("?" * len(arguments))
        return value_of(formatting, f"SELECT printf({places})", arguments)

    for name in ("printf", "format"):
        _create(connection, name, bounded_printf)


def add_hash(connection: apsw.Connection, name: str, key: bytes) -> None:
    """A keyed hash of a value's text under this name: equal for equal values, and not to be guessed without the key."""

    def keyed_hash(value: SqlValue) -> str | None:
        if value is None:
            return None
        raw = value if isinstance(value, bytes) else str(value).encode()
        return hmac.digest(key, raw, hashlib.sha256).hex()[:HASH_CHARACTERS]

    _create(connection, name, keyed_hash)


def _create(connection: Any, name: str, function: Callable[..., SqlValue]) -> None:
    # Innocuous: our views may call it although the file's are not trusted.
    connection.create_scalar_function(
        name, function, deterministic=True, flags=apsw.SQLITE_INNOCUOUS
    )
