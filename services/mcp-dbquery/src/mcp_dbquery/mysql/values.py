"""Values of a result as JSON's, and its columns' types in the server's words."""

import datetime
from decimal import Decimal

from pydantic import JsonValue
from pymysql.constants import FIELD_TYPE

from mcp_dbquery.mysql.link import Field

BINARY = 63
"""The number of the character set of what is no text."""
LARGEST_EXACT = 2**53
_INTEGERS = frozenset({FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG,
                       FIELD_TYPE.YEAR, FIELD_TYPE.BIT})  # fmt: skip
_NUMBERS = frozenset(
    {FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL, FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE}
)
_DATES = frozenset({FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE})
_INSTANTS = frozenset({FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP})


def type_of(field: Field) -> str:
    """integer, number, text, date, timestamp, json, blob or null."""
    code = field.type_code
    if code in _INTEGERS:
        return "integer"
    if code in _NUMBERS:
        return "number"
    if code in _DATES:
        return "date"
    if code in _INSTANTS:
        return "timestamp"
    if code == FIELD_TYPE.JSON:
        return "json"
    if code == FIELD_TYPE.NULL:
        return "null"
    return "blob" if field.charset == BINARY and code != FIELD_TYPE.TIME else "text"


def json_of(value: object, field: Field, longest: int) -> tuple[JsonValue, bool]:
    """A cell as a JSON value, and whether it was cut."""
    match value:
        case None | bool() | int():
            return value, False
        case float():
            return value, False
        case Decimal():
            return _number(value), False
        case datetime.datetime() | datetime.date():
            return value.isoformat(), False
        case datetime.timedelta():
            return _duration(value), False
        case bytes() if field.type_code == FIELD_TYPE.BIT:
            return int.from_bytes(value, "big"), False
        case bytes():
            return f"[{len(value)} bytes]", False
        case _:
            text = str(value)
    if len(text) > longest:
        return f"{text[:longest]}… [{len(text)} characters]", True
    return text, False


def _number(value: Decimal) -> JsonValue:
    if value == value.to_integral_value():
        whole = int(value)
        return whole if abs(whole) <= LARGEST_EXACT else str(whole)
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)


def _duration(value: datetime.timedelta) -> str:
    """TIME as the servers write it; it goes from -838 to 838 hours."""
    seconds = abs(value) // datetime.timedelta(seconds=1)
    fraction = f".{abs(value).microseconds:06}" if value.microseconds else ""
    sign = "-" if value < datetime.timedelta(0) else ""
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"
