"""What is asked of the process that reads files, and what it draws."""

from dataclasses import dataclass

import orjson

from mcp_search.knowledge.parsing.kinds import Kind
from mcp_search.knowledge.parsing.limits import Limits

OUT_OF_MEMORY = 77
"""The process's status where there was not even enough left to say so."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture of a page of a PDF."""

    page: int
    """From 1."""
    start: int
    end: int
    """What is marked: characters of the page's text as `Parsed` has it."""
    width: int
    """In pixels."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as it is drawn."""

    png: bytes
    mark: tuple[float, float] | None
    """Where the marked lines begin and end, in heights of the picture from its top. None: nothing is marked."""


@dataclass(frozen=True, slots=True)
class Task:
    """Text, or a picture where one is wanted."""

    limits: Limits
    hint: Kind | None = None
    """What the file's name says that it is."""
    wanted: Wanted | None = None

    def as_json(self) -> str:
        """For the command line: it holds nothing of the file."""
        return orjson.dumps(self).decode()


def task_of(text: str) -> Task:
    """What `as_json` gave."""
    told = orjson.loads(text)
    wanted = told["wanted"]
    return Task(Limits(**told["limits"]), told["hint"], Wanted(**wanted) if wanted else None)
