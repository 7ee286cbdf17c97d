"""What a token may allow at our tool servers, in words that people can agree to.

Each tool says in its metadata what a call needs. The server holds tokens against that, and a host reads it to ask for
exactly so much.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

SCOPES_META = "io.steward/scopes"
"""In a tool's `_meta`: the scopes that a call needs, all of them (docs/tool-conventions.md)."""

DB_READ = "db:read"
DB_ACT = "db:act"
MAIL_READ = "mail:read"
MAIL_DRAFT = "mail:draft"
MAIL_SEND = "mail:send"
WEB_SEARCH = "web:search"
KB_READ = "kb:read"
KB_WRITE = "kb:write"
REMOVAL = "removal"
"""Deleting what is kept of a tenant or of somebody who left it. Between our own services only: it is none of WORDS, so
no person, key or agent can be given it. A token with it is in nobody's name, and good for nothing else."""

_UNASKED = "without a yes from you each time, unless the agent can show you a question"

WORDS: Mapping[str, str] = {
    DB_READ: "Look into the databases that you may ask. Nothing is changed.",
    DB_ACT: f"Do every action that is declared for the databases and that your role allows, {_UNASKED}.",
    MAIL_READ: "Read your mail.",
    MAIL_DRAFT: "Write drafts, mark mails and move them to the trash. Nothing is sent.",
    MAIL_SEND: "Send mails in your name, after you have said yes to each.",
    WEB_SEARCH: "Search the web and read pages of it.",
    KB_READ: "Search and read the documents that you may see.",
    KB_WRITE: "Add, change and delete documents and collections that you may edit.",
}
"""Every scope but those of single actions. ASCII without quotes, because challenges carry them (RFC 6750 section 3)."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A tool server, as something that people let agents use."""

    name: str
    """For people."""
    base: frozenset[str]
    """What an agent is told to ask for first: enough to look, and nothing that changes anything."""
    all: frozenset[str]
    """What is of use there. DB_ACT stands for those of single actions, too."""


RESOURCES: Mapping[str, Resource] = {
    "mcp-dbquery": Resource("Databases", frozenset({DB_READ}), frozenset({DB_READ, DB_ACT})),
    "mcp-email": Resource(
        "Mail", frozenset({MAIL_READ}), frozenset({MAIL_READ, MAIL_DRAFT, MAIL_SEND})
    ),
    "mcp-search": Resource(
        "Search", frozenset({KB_READ, WEB_SEARCH}), frozenset({KB_READ, KB_WRITE, WEB_SEARCH})
    ),
}
LOOK = frozenset(scope for resource in RESOURCES.values() for scope in resource.base)
"""What lists the tools of any of them."""
VISITOR = "visitor"
"""The role of those who only ask."""

_ACTION_NAME = r"[a-z][a-z0-9_]{2,40}"
_ACTION = re.compile(rf"{DB_ACT}:(?P<name>{_ACTION_NAME})")
PATTERN = "|".join([*WORDS, f"{DB_ACT}:{_ACTION_NAME}"])
"""Of every scope, without anchors, as JSON schemas write patterns."""


def act(action: str) -> str:
    """The scope of one declared action."""
    return f"{DB_ACT}:{action}"


def needs(*scopes: str) -> dict[str, Any]:
    """A tool's metadata that says what a call needs.

    Raises:
        ValueError: there is no such scope.
    """
    if unknown := [scope for scope in scopes if not is_known(scope)]:
        raise ValueError(f"There is no scope {unknown[0]}.")
    return {SCOPES_META: list(scopes)}


def needed_by(meta: Mapping[str, Any] | None) -> frozenset[str] | None:
    """What a tool's metadata says a call needs; None when it says nothing, or not in a list of texts."""
    said = (meta or {}).get(SCOPES_META)
    if not isinstance(said, list) or not all(isinstance(s, str) for s in cast("list[Any]", said)):
        return None
    return frozenset(cast("list[str]", said))


def is_known(scope: str) -> bool:
    """Whether there is such a scope."""
    return scope in WORDS or _ACTION.fullmatch(scope) is not None


def words_of(scope: str) -> str:
    """What the scope allows, in a sentence or two for people. An unknown one is named as it is."""
    action = _ACTION.fullmatch(scope)
    if action is not None:
        return f"Do the declared action {action['name']} if your role allows it, {_UNASKED}."
    return WORDS.get(scope, scope)


def allows(granted: Collection[str], needed: Collection[str]) -> bool:
    """Whether all that is needed is granted. DB_ACT grants each single action."""
    return all(
        scope in granted or (DB_ACT in granted and _ACTION.fullmatch(scope) is not None)
        for scope in needed
    )


def within_roles(scopes: Collection[str], roles: Collection[str]) -> frozenset[str]:
    """What of it counts for a person: whoever is nothing but a visitor looks, whatever a token says.

    Declared actions are left to the roles that each of them names.
    """
    if set(roles) != {VISITOR}:
        return frozenset(scopes)
    return frozenset(scope for scope in scopes if scope in LOOK or allows([DB_ACT], [scope]))


def in_order(scopes: Collection[str]) -> str:
    """As tokens and challenges carry them (RFC 6749 section 3.3)."""
    return " ".join(sorted(scopes))
