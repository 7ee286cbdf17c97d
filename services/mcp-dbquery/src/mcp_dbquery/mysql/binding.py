"""Puts bound values into a statement, in the places that its own lexer found, so never inside a text or comment."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mcp_dbquery.errors import StatementInvalid
from mcp_dbquery.mysql.text import Text

Literal = Callable[[object], str]


def bind(text: Text, parameters: Sequence[Any] | Mapping[str, Any], literal: Literal) -> str:
    """The statement with literals for :name (an object) or ? (a list).

    Raises:
        StatementInvalid: there are too many or too few values, or the two ways are mixed.
    """
    named = [token for token in text.tokens if token.kind == "value" and token.value != "?"]
    counted = [token for token in text.tokens if token.kind == "value" and token.value == "?"]
    if named and counted:
        raise StatementInvalid("The statement mixes :name and ?.", hint="Use one of the two.")
    if isinstance(parameters, Mapping):
        if counted:
            raise StatementInvalid(
                "The statement binds by ?, so params must be a list.", hint="Give a list."
            )
        values = [_named(parameters, token.value) for token in named]
    else:
        if named:
            raise StatementInvalid(
                f"The statement binds :{named[0].value}, so params must be an object.",
                hint=f'Give {{"{named[0].value}": …}}.',
            )
        if len(parameters) != len(counted):
            raise StatementInvalid(
                f"The statement has {len(counted)} places for values (?), and {len(parameters)} values were given.",
                hint="Give one value for each ?.",
            )
        values = list(parameters)
    return replace_bound(text, [literal(_checked(value)) for value in values])


def replace_bound(text: Text, replacements: Sequence[str]) -> str:
    """The statement with a text in the place of each bound value."""
    pieces: list[str] = []
    at = 0
    places = [token for token in text.tokens if token.kind == "value"]
    for token, replacement in zip(places, replacements, strict=True):
        pieces += [text.runs[at : token.start], replacement]
        at = token.end
    return "".join([*pieces, text.runs[at:]])


def _named(parameters: Mapping[str, Any], name: str) -> object:
    if name not in parameters:
        given = ", ".join(sorted(parameters)) or "none"
        raise StatementInvalid(
            f"There is no value for :{name} (given: {given}).", hint="Add it to params."
        )
    return parameters[name]


def _checked(value: object) -> object:
    is_bad_number = isinstance(value, float) and not (float("-inf") < value < float("inf"))
    is_half = isinstance(value, str) and any(
        0xD800 <= ord(character) < 0xE000 for character in value
    )
    if is_bad_number or is_half:
        raise StatementInvalid(
            "A value of params cannot be bound.", hint="Give numbers and whole texts."
        )
    return value
