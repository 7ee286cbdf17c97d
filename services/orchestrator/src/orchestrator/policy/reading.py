"""From the text of a policy file (TOML) to a policy, or to one sentence on what is wrong with it. Pure."""

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from orchestrator.policy.conditions import ArgumentCondition, When
from orchestrator.policy.rules import RESERVED_NAMES, Policy, Rule

MAX_FILE_BYTES = 256 * 1024
MAX_RULES = 500

_RULE_HEADER = re.compile(r"^\s*\[\[\s*rule\s*\]\]")


class BadPolicy(ValueError):
    """The file cannot be used. The message is one sentence for whoever wrote it."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rule: Annotated[list[Rule], Field(min_length=1, max_length=MAX_RULES)]


def read_policy(content: bytes) -> Policy:
    """The policy in a file's content.

    Raises:
        BadPolicy: too large, not UTF-8, not TOML, or not rules as they must be; says where and what to do.
    """
    if len(content) > MAX_FILE_BYTES:
        raise BadPolicy(f"it is larger than {MAX_FILE_BYTES // 1024} KB; leave rules out.")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadPolicy(f"line {line} is not UTF-8; save the file as UTF-8.") from None
    try:
        rules = _File.model_validate(tomllib.loads(text)).rule
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(f"it is not TOML: {error}; correct that place.") from None
    except ValidationError as error:
        raise BadPolicy(_in_words(error.errors(include_url=False)[0], text)) from None
    except RecursionError:
        raise BadPolicy("it is nested too deeply; write it flat.") from None
    _check_names([rule.name for rule in rules], text)
    return Policy(tuple(rules), hashlib.sha256(content).hexdigest())


def _check_names(names: Sequence[str], text: str) -> None:
    for number, name in enumerate(names):
        if name in RESERVED_NAMES:
            raise BadPolicy(f"{_rule(number, text)}: the name “{name}” is taken; choose another.")
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        second = names.index(name, names.index(name) + 1)
        raise BadPolicy(f"{_rule(second, text)}: “{name}” is there already; give it another name.")


def _in_words(error: ErrorDetails, text: str) -> str:
    where, path = _split(error["loc"], text)
    key = ".".join(str(step) for step in path)
    if error["type"] == "extra_forbidden":
        return f"{where}“{key}” is not known; {_known(error['loc'])}"
    if error["type"] == "missing" and error["loc"] == ("rule",):
        return "it has no rules; write at least one [[rule]]."
    if error["type"] == "missing":
        return f"{where}“{key}” is missing; add it."
    if error["type"] in {"model_type", "dict_type"}:
        return f"{where}{f'“{key}” ' if key else ''}should be a table; write it as one."
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ").removesuffix(".")
    return f"{where}{f'“{key}”: ' if key else ''}{message}."


def _split(loc: tuple[int | str, ...], text: str) -> tuple[str, Sequence[int | str]]:
    """The place in words, and the path inside of the rule."""
    match loc:
        case ("rule", int(number), *path):
            return f"{_rule(number, text)}: ", path
        case _:
            return "", loc


def _rule(number: int, text: str) -> str:
    """A rule by its place, its line and its name as far as they can be told."""
    rules = tomllib.loads(text)["rule"]
    name = rules[number].get("name") if isinstance(rules[number], dict) else None
    named = f" “{name}”" if isinstance(name, str) else ""
    lines = [n for n, line in enumerate(text.splitlines(), 1) if _RULE_HEADER.match(line)]
    # Rules may also be written inline, and a text of several lines may look like a header.
    line = f" (line {lines[number]})" if len(lines) == len(rules) else ""
    return f"rule {number + 1}{named}{line}"


def _known(loc: tuple[int | str, ...]) -> str:
    """What may stand where an unknown key was found."""
    match loc:
        case ("rule", _, "when", "arguments", _, unknown):
            model, advice = ArgumentCondition, " (a path with dots stands in quotes)"
        case ("rule", _, "when", unknown):
            model, advice = When, ""
        case ("rule", _, unknown):
            model, advice = Rule, ""
        case (*_, unknown):
            model, advice = _File, ""
        case _:
            raise AssertionError(loc)
    close = get_close_matches(str(unknown), model.model_fields, 1)
    if close:
        return f"did you mean “{close[0]}”?"
    return f"known here are {', '.join(model.model_fields)}{advice}."
