"""Bounds for what a single value may grow to.

PostgreSQL looks at its clock between rows, not within such a function: a limit of 2.5 s became 17 s with string_agg.
Constants are folded while planning, so EXPLAIN is no help either.
"""
# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false, reportOptionalIterable=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false
# pglast declares every field of every node as optional and of any kind; what a kind really has is said by PostgreSQL.

import re
from collections.abc import Iterator
from typing import Any

from pglast import ast

from mcp_dbquery.postgres.names import nodes
from mcp_dbquery.postgres.vocabulary import COLLECTING

MAX_REPEAT = 1_000
MAX_WIDTH = 10_000
"""Characters that lpad, rpad, format and a type's length may fill."""
MAX_SERIES = 1_000_000
MAX_COLLECTED_SERIES = 100_000
"""Of all series multiplied, when an aggregate collects values."""
MAX_REPLACEMENT = 200
MAX_PATTERN = 1_000
MAX_WILDCARDS = 20
MAX_REGEX_STATES = 2_000
MAX_POWER = 1_000
MAX_DIGITS = 400

_GROWERS = frozenset(
    {"repeat", "lpad", "rpad", "replace", "regexp_replace", "format", "overlay", "translate"}
)
_REPLACEMENT_AT = {"replace": 2, "regexp_replace": 2, "translate": 2, "overlay": 1}
_PATTERN_FUNCTIONS = frozenset({
    "regexp_count", "regexp_instr", "regexp_like", "regexp_match", "regexp_matches", "regexp_replace",
    "regexp_split_to_array", "regexp_split_to_table", "regexp_substr", "substring",
})  # fmt: skip
_PATTERN_OPERATORS = frozenset({"~", "~*", "!~", "!~*", "~~", "~~*", "!~~", "!~~*"})
_FORMAT_WIDTH = re.compile(r"%(?:\d+\$)?-?(\*|\d+)")
_REGEX_BOUND = re.compile(r"\{(\d+)(?:,(\d*))?\}")


class TooBig(Exception):
    """What would grow too much, and at which node."""

    def __init__(self, message: str, node: Any) -> None:
        super().__init__(message)
        self.node = node


def check_sizes(statement: ast.SelectStmt) -> None:
    """Raises TooBig."""
    everything = list(nodes(statement, into_queries=True))
    product = 1
    collects = False
    for node in everything:
        if isinstance(node, ast.FuncCall):
            product *= _check_call(node)
            collects = collects or node.funcname[-1].sval in COLLECTING
        elif isinstance(node, ast.A_Expr):
            _check_operator(node)
        elif isinstance(node, ast.TypeName):
            _check_length(node)
        elif isinstance(node, ast.Float):
            _check_digits(node)
    if product > (MAX_COLLECTED_SERIES if collects else MAX_SERIES):
        limit = MAX_COLLECTED_SERIES if collects else MAX_SERIES
        raise TooBig(
            f"generate_series may make {limit:,} rows here at most, all series multiplied.",
            statement,
        )


def _check_call(call: ast.FuncCall) -> int:
    """Look at a function's arguments; the rows that it makes, where they are known."""
    name = call.funcname[-1].sval
    arguments: tuple[Any, ...] = call.args or ()
    if not name.startswith("make_") and any(isinstance(a, ast.NamedArgExpr) for a in arguments):
        raise TooBig(f"Give the arguments of {name} by position.", call)
    if name in {"repeat", "lpad", "rpad"}:
        limit = MAX_REPEAT if name == "repeat" else MAX_WIDTH
        if (
            len(arguments) < 2
            or not 0 <= (_integer(arguments[1]) or 0) <= limit
            or _integer(arguments[1]) is None
        ):
            raise TooBig(
                f"The second argument of {name} must be a number of at most {limit:,}, written out.",
                call,
            )
    if name == "format":
        _check_format(call, arguments)
    if name in _GROWERS and any(_grows(argument) for argument in arguments):
        raise TooBig(
            f"{name} may not be given what repeat, lpad, replace and the like have made.", call
        )
    if name in COLLECTING and any(_grows(argument) for argument in arguments):
        raise TooBig(
            f"{name} may not collect what repeat, lpad, replace and the like have made.", call
        )
    if name in _REPLACEMENT_AT and len(arguments) > _REPLACEMENT_AT[name]:
        _check_text(arguments[_REPLACEMENT_AT[name]], MAX_REPLACEMENT, "A replacement", call)
    if name in _PATTERN_FUNCTIONS and len(arguments) > 1:
        _check_regex(arguments[1], call)
    if name in {"concat", "concat_ws"}:
        _check_doubling(arguments, call)
    if name in {"power", "pow"} and len(arguments) > 1:
        _check_power(arguments[1], call)
    return _series_rows(name, arguments)


def _check_operator(expression: ast.A_Expr) -> None:
    operator = expression.name[-1].sval
    if operator in _PATTERN_OPERATORS and expression.kind.name != "AEXPR_OP":
        text = _text(expression.rexpr)
        if text is not None and (len(text) > MAX_PATTERN or text.count("%") > MAX_WILDCARDS):
            raise TooBig(f"A pattern may have {MAX_WILDCARDS} wildcards at most.", expression)
    elif operator in _PATTERN_OPERATORS:
        _check_regex(expression.rexpr, expression)
    elif operator == "||":
        _check_doubling(_operands(expression), expression)
    elif operator == "^":
        _check_power(expression.rexpr, expression)


def _check_format(call: ast.FuncCall, arguments: tuple[Any, ...]) -> None:
    pattern = _text(arguments[0]) if arguments else None
    if pattern is None:
        raise TooBig("The first argument of format must be written out.", call)
    for width in _FORMAT_WIDTH.findall(pattern):
        if width == "*" or int(width[:9]) > MAX_WIDTH:
            raise TooBig(f"A width in format may be {MAX_WIDTH:,} at most.", call)
    _check_doubling(arguments[1:], call)


def _check_text(value: Any, limit: int, what: str, node: Any) -> None:
    text = _text(value)
    if text is not None and len(text) > limit:
        raise TooBig(f"{what} may have {limit:,} characters at most.", node)


def _check_regex(value: Any, node: Any) -> None:
    """Repetitions multiply the states of the machine that the expression is compiled to."""
    text = _text(value)
    if text is None:
        return
    states = len(text)
    for least, most in _REGEX_BOUND.findall(text):
        states *= max(int(least[:6]), int(most[:6] or 0), 1)
    if len(text) > MAX_PATTERN or states > max(MAX_REGEX_STATES, len(text)):
        raise TooBig("The regular expression is too large; use smaller repetitions.", node)


def _check_doubling(operands: Iterator[Any] | tuple[Any, ...], node: Any) -> None:
    """Refuse x || x, which doubles a value with each step of a chain or recursion."""
    seen: set[tuple[str, ...]] = set()
    for operand in operands:
        inner = operand
        while isinstance(inner, ast.TypeCast):
            inner = inner.arg
        if isinstance(inner, ast.ColumnRef):
            name = tuple(f.sval for f in inner.fields if isinstance(f, ast.String))
            if name in seen:
                raise TooBig("A column may not be joined to itself as text.", node)
            seen.add(name)


def _operands(expression: Any) -> Iterator[Any]:
    """The operands of a chain a || b || c."""
    stack = [expression]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.A_Expr) and node.name[-1].sval == "||":
            stack += [node.rexpr, node.lexpr]
        else:
            yield node


def _check_power(value: Any, node: Any) -> None:
    number = _number(value)
    if number is not None and abs(number) > MAX_POWER:
        raise TooBig(f"An exponent may be {MAX_POWER:,} at most.", node)


def _check_length(type_name: ast.TypeName) -> None:
    for modifier in type_name.typmods or ():
        number = _integer(modifier)
        if number is not None and not -MAX_WIDTH <= number <= MAX_WIDTH:
            is_interval = type_name.names[-1].sval == "interval"
            if not is_interval:  # Whose first modifier is a set of bits.
                raise TooBig(f"A type's length may be {MAX_WIDTH:,} at most.", type_name)


def _check_digits(value: ast.Float) -> None:
    text = (value.fval or "").lower()
    mantissa, _, exponent = text.partition("e")
    if len(mantissa) > MAX_DIGITS or (exponent and abs(int(exponent[:9] or 0)) > MAX_DIGITS):
        raise TooBig(f"A number may have {MAX_DIGITS} digits at most.", value)


def _series_rows(name: str, arguments: tuple[Any, ...]) -> int:
    if name != "generate_series" or len(arguments) < 2:
        return 1
    first, last = _number(arguments[0]), _number(arguments[1])
    step = _number(arguments[2]) if len(arguments) > 2 else 1.0
    if first is None or last is None or not step:
        return 1
    return max(1, int((last - first) / step) + 1)


def _grows(argument: Any) -> bool:
    return any(
        isinstance(node, ast.FuncCall) and node.funcname[-1].sval in _GROWERS | COLLECTING
        for node in nodes(argument, into_queries=True)
    )


def _text(value: Any) -> str | None:
    """A text written out, None for anything else."""
    while isinstance(value, ast.TypeCast):
        value = value.arg
    is_text = isinstance(value, ast.A_Const) and isinstance(value.val, ast.String)
    return value.val.sval if is_text else None


def _integer(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() else None


def _number(value: Any) -> float | None:
    """A number written out, None for anything else."""
    while isinstance(value, ast.TypeCast):
        value = value.arg
    if isinstance(value, ast.A_Expr) and value.lexpr is None and value.name[-1].sval in {"-", "+"}:
        number = _number(value.rexpr)
        return None if number is None else (-number if value.name[-1].sval == "-" else number)
    if not isinstance(value, ast.A_Const) or value.isnull:
        return None
    if isinstance(value.val, ast.Integer):
        return float(value.val.ival)
    if isinstance(value.val, ast.Float):
        return float(value.val.fval)
    return None
