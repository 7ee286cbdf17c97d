"""Typed parameters of declared actions and saved queries: what is accepted, how it is bound, how it is described."""

import inspect
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import SchemaError

from shared.config_file import Strict
from shared.mcp_server import InvalidArguments

EXACT_DIGITS = 15
"""Decimal digits that a double holds exactly."""
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})", re.ASCII
)

BoundValue = str | int | float | bool | None


def is_plain(text: str) -> bool:
    """Whether a person who is shown the text sees what it is: no control, direction or tag characters."""
    return not any(
        (unicodedata.category(character) == "Cc" and character not in "\t\n\r")
        or character in _BIDI_CONTROLS
        or 0xE0000 <= ord(character) <= 0xE007F
        for character in text
    )


def _no_truth_value(value: object) -> object:
    if isinstance(value, bool):  # which Python, unlike JSON, takes for a number
        raise ValueError("Input should be a number")  # noqa: TRY004 - pydantic wants it
    return value


def _plain_text(text: str) -> str:
    if not is_plain(text):
        raise ValueError("Text must not contain control characters or ones that turn its direction")
    return text


def _day(value: object) -> object:
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("Input should be a day, YYYY-MM-DD")
    if not isinstance(value, str | date) or isinstance(value, datetime):
        raise ValueError("Input should be a day, YYYY-MM-DD")  # noqa: TRY004 - pydantic wants it
    return value


def _moment(value: object) -> object:
    if isinstance(value, str) and not _MOMENT.fullmatch(value):
        raise ValueError("Input should be a moment with its offset, like 2026-11-21T09:30:00Z")
    if not isinstance(value, str | datetime):
        raise ValueError("Input should be a moment with its offset, like 2026-11-21T09:30:00Z")  # noqa: TRY004 - pydantic wants it
    return value


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("Input should be a moment with its offset, like 2026-11-21T09:30:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("Input should be a moment between the years 1 and 9999") from None


class _Parameter(Strict):
    description: str
    optional: bool = False
    """It may be left out; then its default counts, or NULL is bound."""

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """Accepts a given value."""
        return TypeAdapter(self.annotation())

    def annotation(self) -> Any:
        """The type of a given value, with its description and bounds: a tool's schema is made of it."""
        raise NotImplementedError

    def given_default(self) -> Any:
        """What counts when it is left out."""
        return getattr(self, "default", None)

    def bound(self, value: Any, dialect: str) -> BoundValue:  # noqa: ARG002 - few depend on it
        """An accepted value as this dialect's driver binds it."""
        return value

    def stored(self, value: Any, dialect: str) -> BoundValue | Decimal:
        """An accepted value as a changing statement binds it."""
        return self.bound(value, dialect)

    def in_words(self) -> str:
        """Its type and what it means."""
        left_out = " (may be left out)" if self.optional else ""
        return f"{self._type_in_words()}{left_out}: {self.description}"

    def _type_in_words(self) -> str:
        raise NotImplementedError

    @model_validator(mode="after")
    def _is_sound(self) -> "_Parameter":
        low, high = getattr(self, "minimum", None), getattr(self, "maximum", None)
        if low is not None and high is not None and low > high:
            raise ValueError("minimum is greater than maximum")
        try:
            adapter = self.adapter
        except SchemaError:
            raise ValueError(
                "pattern is no regular expression of the kind that can be used here (without look-around)"
            ) from None
        default = self.given_default()
        if default is not None:
            if not self.optional:
                raise ValueError("default needs optional = true")
            _check_default(adapter, default)
        return self


def _check_default(adapter: TypeAdapter[Any], default: object) -> None:
    try:
        adapter.validate_python(default)
    except ValidationError as error:
        message = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise ValueError(
            f"default is not accepted: {message.removeprefix('Value error, ')}"
        ) from None


class IntegerParameter(_Parameter):
    """A whole number."""

    type: Literal["integer"]
    minimum: int = -(2**53)
    maximum: int = 2**53
    default: int | None = None

    def annotation(self) -> Any:
        return Annotated[
            int,
            BeforeValidator(_no_truth_value),
            Field(description=self.description, ge=self.minimum, le=self.maximum),
        ]

    def _type_in_words(self) -> str:
        return f"integer from {self.minimum} to {self.maximum}"


class NumberParameter(_Parameter):
    """A number with so many decimals at most. The range keeps within what a double holds exactly."""

    type: Literal["number"]
    minimum: float = -1e12
    maximum: float = 1e12
    decimals: Annotated[int, Field(ge=0, le=9)] = 2
    default: float | None = None

    def annotation(self) -> Any:
        return Annotated[
            float,
            BeforeValidator(_no_truth_value),
            Field(
                description=f"{self.description} At most {self.decimals} decimals.",
                ge=self.minimum,
                le=self.maximum,
                allow_inf_nan=False,
            ),
            AfterValidator(self._has_few_decimals),
        ]

    def stored(self, value: Any, dialect: str) -> BoundValue | Decimal:
        # A double would turn the arithmetic of exact columns into that of doubles. SQLite has no others.
        return value if dialect == "sqlite" else Decimal(repr(value))

    def _has_few_decimals(self, value: float) -> float:
        exponent = Decimal(repr(value)).normalize().as_tuple().exponent
        assert isinstance(exponent, int)  # noqa: S101 - it is finite
        if -exponent > self.decimals:
            raise ValueError(f"Input should have at most {self.decimals} decimals")
        return value

    def _type_in_words(self) -> str:
        return f"number from {self.minimum:g} to {self.maximum:g}, at most {self.decimals} decimals"

    @model_validator(mode="after")
    def _is_exact(self) -> "NumberParameter":
        whole = len(str(int(max(abs(self.minimum), abs(self.maximum)))))
        if whole + self.decimals > EXACT_DIGITS:
            raise ValueError(
                f"minimum and maximum with {self.decimals} decimals have more than {EXACT_DIGITS} digits, which is "
                "more than a number holds exactly"
            )
        return self


class TextParameter(_Parameter):
    """Text of a bounded length, all of which fits the pattern where there is one."""

    type: Literal["text"]
    min_length: Annotated[int, Field(ge=0)] = 1
    max_length: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    pattern: str | None = None
    """Of the whole text. Without look-around, so that no text takes long to match."""
    default: str | None = None

    def annotation(self) -> Any:
        return Annotated[
            str,
            Field(
                description=self.description,
                min_length=self.min_length,
                max_length=self.max_length,
                pattern=None if self.pattern is None else f"^(?:{self.pattern})$",
            ),
            AfterValidator(_plain_text),
        ]

    def _type_in_words(self) -> str:
        return f"text of {self.min_length} to {self.max_length} characters"


class EnumParameter(_Parameter):
    """One of a closed set of texts."""

    type: Literal["enum"]
    values: Annotated[tuple[str, ...], Field(min_length=1)]
    default: str | None = None

    def annotation(self) -> Any:
        return Annotated[Literal[self.values], Field(description=self.description)]

    def _type_in_words(self) -> str:
        return f"one of {', '.join(self.values)}"


class DateParameter(_Parameter):
    """A day, YYYY-MM-DD."""

    type: Literal["date"]
    minimum: date | None = None
    maximum: date | None = None
    default: date | None = None

    def annotation(self) -> Any:
        return Annotated[
            date,
            BeforeValidator(_day),
            Field(description=self.description, ge=self.minimum, le=self.maximum),
        ]

    def bound(self, value: Any, dialect: str) -> BoundValue:  # noqa: ARG002 - all take the same
        return value.isoformat()

    def _type_in_words(self) -> str:
        return "date (YYYY-MM-DD)"


class TimestampParameter(_Parameter):
    """A moment, given with its offset and bound in UTC."""

    type: Literal["timestamp"]
    default: datetime | None = None

    def annotation(self) -> Any:
        return Annotated[
            datetime,
            BeforeValidator(_moment),
            Field(description=f"{self.description} With its offset, like 2026-11-21T09:30:00Z."),
            AfterValidator(_in_utc),
        ]

    def bound(self, value: Any, dialect: str) -> BoundValue:
        # MariaDB takes no offset, PostgreSQL would read a moment without one in the session's zone, and SQLite's
        # own functions read both.
        text = value.replace(tzinfo=None).isoformat(sep=" " if dialect == "mysql" else "T")
        return text if dialect == "mysql" else f"{text}Z"

    def _type_in_words(self) -> str:
        return "timestamp with its offset"


class BooleanParameter(_Parameter):
    """True or false."""

    type: Literal["boolean"]
    default: bool | None = None

    def annotation(self) -> Any:
        return Annotated[bool, Field(description=self.description, strict=True)]

    def _type_in_words(self) -> str:
        return "true or false"


class LookupParameter(_Parameter):
    """Something of the database, chosen by its name."""

    type: Literal["lookup"]
    query: str
    """Finds it by :value, which is what was given. Its first column is bound in the statements."""
    shows: str | None = None
    """What people are shown of it, with {columns} of the query. None: the columns after the first."""
    near: str | None = None
    """A query of names, for "did you mean". It runs as the caller's own query: nobody hears a name not theirs."""
    max_length: Annotated[int, Field(ge=1, le=1_000)] = 200
    default: str | None = None

    def annotation(self) -> Any:
        return Annotated[
            str,
            Field(
                description=f"{self.description} Given by name, which must fit exactly one.",
                min_length=1,
                max_length=self.max_length,
            ),
            AfterValidator(_plain_text),
        ]

    def _type_in_words(self) -> str:
        return "name that fits exactly one"


Parameter = Annotated[
    IntegerParameter
    | NumberParameter
    | TextParameter
    | EnumParameter
    | DateParameter
    | TimestampParameter
    | BooleanParameter
    | LookupParameter,
    Field(discriminator="type"),
]


def signature_of(parameters: Mapping[str, Parameter]) -> list[inspect.Parameter]:
    """The parameters as those of a function, for the SDK to make a tool's schema of."""
    return [_signature(name, parameter) for name, parameter in parameters.items()]


def _signature(name: str, parameter: Parameter) -> inspect.Parameter:
    annotation = parameter.annotation()
    default: Any = inspect.Parameter.empty
    if parameter.optional:
        default = parameter.given_default()
        if default is None:
            annotation = Annotated[annotation | None, Field(description=parameter.description)]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
    )


def accepted(parameters: Mapping[str, Parameter], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A value for every parameter, in the order of their declaration, as Python's own types.

    Raises:
        InvalidArguments: naming every argument that is not as declared, without its value.
    """
    if unknown := sorted(set(arguments) - set(parameters)):
        known = ", ".join(parameters) or "none"
        raise InvalidArguments(f"There is no parameter {unknown[0]}. The parameters are: {known}.")
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, parameter in parameters.items():
        try:
            values[name] = _accepted(parameter, name in arguments, arguments.get(name))
        except ValidationError as error:
            message = error.errors(include_url=False, include_input=False)[0]["msg"]
            problems.append(f"{name}: {message.removeprefix('Value error, ')}")
        except InvalidArguments as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise InvalidArguments(f"{'; '.join(problems)}.")
    return values


def _accepted(parameter: Parameter, is_given: bool, value: Any) -> Any:
    if not is_given and not parameter.optional:
        raise InvalidArguments("is required")
    if not is_given:
        value = parameter.given_default()
    if value is None and parameter.optional and parameter.given_default() is None:
        return None
    return parameter.adapter.validate_python(value)


def bound_value(parameter: Parameter, value: Any, dialect: str) -> BoundValue:
    """An accepted value as a query of this dialect binds it. Not for lookups, which bind what they find."""
    return None if value is None else parameter.bound(value, dialect)


def stored_value(parameter: Parameter, value: Any, dialect: str) -> BoundValue | Decimal:
    """An accepted value as a changing statement of this dialect binds it. Not for lookups."""
    return None if value is None else parameter.stored(value, dialect)


def json_value(parameter: Parameter, value: Any) -> BoundValue:
    """An accepted value as people and digests see it, whatever the database."""
    return bound_value(parameter, value, "json")
