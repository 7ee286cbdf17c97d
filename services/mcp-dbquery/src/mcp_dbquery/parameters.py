"""Typed parameters of declared actions and saved queries."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _no_truth_value(value: object) -> object:
    if isinstance(value, bool):  # which Python, unlike JSON, takes for a number
        raise ValueError("Input should be a whole number")  # noqa: TRY004 - pydantic wants it
    return value


def _no_control_characters(text: str) -> str:
    if any(ord(character) < 32 and character not in "\t\n\r" for character in text):
        raise ValueError("Text must not contain control characters")
    return text


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class IntegerParameter(_Strict):
    """A whole number."""

    type: Literal["integer"]
    description: str
    minimum: int = -(2**53)
    maximum: int = 2**53

    def annotation(self) -> Any:
        return Annotated[
            int,
            BeforeValidator(_no_truth_value),
            Field(description=self.description, ge=self.minimum, le=self.maximum),
        ]


class TextParameter(_Strict):
    """Text of a bounded length."""

    type: Literal["text"]
    description: str
    min_length: int = 1
    max_length: int = 2_000

    def annotation(self) -> Any:
        return Annotated[
            str,
            Field(
                description=self.description,
                min_length=self.min_length,
                max_length=self.max_length,
            ),
            AfterValidator(_no_control_characters),
        ]


class EnumParameter(_Strict):
    """One of a closed set of texts."""

    type: Literal["enum"]
    description: str
    values: Annotated[list[str], Field(min_length=1)]

    def annotation(self) -> Any:
        return Annotated[Literal[tuple(self.values)], Field(description=self.description)]


class DateParameter(_Strict):
    """A day, YYYY-MM-DD."""

    type: Literal["date"]
    description: str

    def annotation(self) -> Any:
        return Annotated[date, Field(description=self.description)]


Parameter = Annotated[
    IntegerParameter | TextParameter | EnumParameter | DateParameter, Field(discriminator="type")
]
