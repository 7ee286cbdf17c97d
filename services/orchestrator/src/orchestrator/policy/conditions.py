"""What a rule can ask about a call, and whether it is so: yes, no, or not to be known. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StrictStr,
    field_validator,
    model_validator,
)

from orchestrator.policy import patterns
from orchestrator.policy.json_values import Absent, is_one_of, same_json, value_at

MAX_SHOWN_CHARACTERS = 80
MAX_CHOICES = 200


@dataclass(frozen=True, slots=True)
class ToolTraits:
    """What is known of a tool when a call of it is judged."""

    own_server: bool
    """Hints of servers that are not ours count as unknown, whatever they say."""
    read_only_hint: bool
    destructive_hint: bool
    idempotent_hint: bool = False
    open_world_hint: bool = True


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A proposed call, as the rules see it."""

    server: str
    tool: str
    traits: ToolTraits
    arguments: Mapping[str, JsonValue]
    roles: frozenset[str]
    """Of the person in whose name it is called."""
    tainted: bool
    """Text that strangers may have written is in the turn."""


class Match(Enum):
    """Whether a condition holds."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """A server that is not ours says so, or a text is too long to look through."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a condition holds; `why` says it in words unless it simply does."""

    match: Match
    why: str = ""


FITS = Finding(Match.YES)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[
    list[Annotated[StrictStr, Field(min_length=1, max_length=256)]],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=MAX_CHOICES),
]
"""One name or several."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ArgumentCondition(_Part):
    """What one argument must be; exactly one of the fields is set. All but `present` ask for a value."""

    equals: JsonValue = None
    one_of: Annotated[list[JsonValue] | None, Field(min_length=1, max_length=MAX_CHOICES)] = None
    starts_with: Annotated[StrictStr | None, Field(min_length=1, max_length=500)] = None
    matches: StrictStr | None = None
    """A regular expression for the whole text, see `patterns`."""
    present: StrictBool | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "ArgumentCondition":
        if len(self.model_fields_set) != 1:
            raise ValueError("set exactly one of equals, one_of, starts_with, matches and present")
        return self

    @field_validator("matches")
    @classmethod
    def _pattern_is_bounded(cls, pattern: str | None) -> str | None:
        if pattern is not None and (problem := patterns.problem_with(pattern)) is not None:
            raise ValueError(problem)
        return pattern

    def find(self, path: str, value: JsonValue | Absent) -> Finding:
        """Whether the argument is as asked for."""
        if isinstance(value, Absent):
            return FITS if self.present is False else _no(f"there is no argument “{path}”")
        if self.present is not None:
            return FITS if self.present else _no(f"there is an argument “{path}”")
        fits = self._fits(value)
        if fits is None:
            return Finding(Match.UNKNOWN, f"argument “{path}” is too long to be looked through")
        return FITS if fits else _no(f"argument “{path}” is {_shown(value)}, not {self._wanted()}")

    def _fits(self, value: JsonValue) -> bool | None:
        if "equals" in self.model_fields_set:
            return same_json(value, self.equals)
        if self.one_of is not None:
            return is_one_of(value, self.one_of)
        if not isinstance(value, str):
            return False
        if self.starts_with is not None:
            return value.startswith(self.starts_with)
        return patterns.matches(self.matches or "", value)

    def _wanted(self) -> str:
        if "equals" in self.model_fields_set:
            return _shown(self.equals)
        if self.one_of is not None:
            return f"one of {_shown(self.one_of)}"
        if self.starts_with is not None:
            return f"a text that starts with {_shown(self.starts_with)}"
        return f"a text that matches {self.matches}"


class When(_Part):
    """The conditions of a rule; all must hold. What is not named does not matter."""

    server: Names | None = None
    """Our keys of servers."""
    own: StrictBool | None = None
    """Whether the server is ours."""
    tool: Names | None = None
    """Names of tools; `*` stands for any characters, `?` for one."""
    read_only: StrictBool | None = None
    destructive: StrictBool | None = None
    idempotent: StrictBool | None = None
    open_world: StrictBool | None = None
    role_any_of: Names | None = None
    role_none_of: Names | None = None
    tainted: StrictBool | None = None
    arguments: Annotated[dict[str, ArgumentCondition], Field(min_length=1, max_length=50)] = {}
    """Dotted path → what must be there."""

    def find(self, use: ToolUse) -> Finding:
        """The first condition that does not hold; else the first that cannot be known; else that all hold."""
        doubt = None
        for finding in self._findings(use):
            if finding.match is Match.NO:
                return finding
            if finding.match is Match.UNKNOWN:
                doubt = doubt or finding
        return doubt or FITS

    def _findings(self, use: ToolUse) -> Iterator[Finding]:
        if self.server is not None and use.server not in self.server:
            yield _no(f"the server is “{use.server}”, not {_either(self.server)}")
        if self.own is not None and self.own != use.traits.own_server:
            yield _no("the server is ours" if use.traits.own_server else "the server is not ours")
        if self.tool is not None and not any(fnmatchcase(use.tool, name) for name in self.tool):
            yield _no(f"the tool is “{use.tool}”, not {_either(self.tool)}")
        yield from self._findings_on_hints(use.traits)
        yield from self._findings_on_the_person(use.roles)
        if self.tainted is not None and self.tainted != use.tainted:
            yield _no(f"{'' if use.tainted else 'no '}untrusted text is in the turn")
        for path, condition in self.arguments.items():
            yield condition.find(path, value_at(use.arguments, path))

    def _findings_on_hints(self, traits: ToolTraits) -> Iterator[Finding]:
        hints = (
            ("read_only", self.read_only, traits.read_only_hint),
            ("destructive", self.destructive, traits.destructive_hint),
            ("idempotent", self.idempotent, traits.idempotent_hint),
            ("open_world", self.open_world, traits.open_world_hint),
        )
        for name, wanted, said in hints:
            if wanted is None:
                continue
            if not traits.own_server:
                yield Finding(
                    Match.UNKNOWN, f"whether it is {name} only a server that is not ours can say"
                )
            elif wanted != said:
                yield _no(f"{name} is {'true' if said else 'false'}")

    def _findings_on_the_person(self, roles: frozenset[str]) -> Iterator[Finding]:
        if self.role_any_of is not None and not roles & set(self.role_any_of):
            yield _no(f"the person has none of the roles {', '.join(self.role_any_of)}")
        if self.role_none_of is not None and (excepted := roles & set(self.role_none_of)):
            yield _no(f"the person has the role {', '.join(sorted(excepted))}")

    def as_json(self) -> dict[str, JsonValue]:
        """As it stands in the file."""
        return self.model_dump(mode="json", exclude_unset=True)


def _no(why: str) -> Finding:
    return Finding(Match.NO, why)


def _either(names: list[str]) -> str:
    return " or ".join(f"“{name}”" for name in names[:5]) + (" or …" if names[5:] else "")


def _shown(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"
