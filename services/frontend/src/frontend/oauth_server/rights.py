"""Which rights an agent may be given at a tool server, and which it has. Pure.

`db:act` stands for all of `db:act:<name>`.
"""

import re
from collections.abc import Collection, Iterable

from shared.scopes import within_roles

MAX_RIGHTS = 40
ALL_ACTIONS = "db:act"

_ACTION = re.compile(r"db:act:[A-Za-z0-9_.-]{1,100}")


def covers(given: Collection[str], right: str) -> bool:
    """Whether it is given, by itself or as part of a wider one."""
    return right in given or (ALL_ACTIONS in given and _ACTION.fullmatch(right) is not None)


def offered(asked: str | None, known: Collection[str]) -> tuple[str, ...]:
    """Those that were asked for and that this server has, once each, in the order of asking.

    Others are left out and not refused (RFC 6749 section 3.3): clients ask for every right that they have heard of.
    """
    found = dict.fromkeys(one for one in (asked or "").split() if covers(known, one))
    return tuple(found)[:MAX_RIGHTS]


def standing(
    given: Iterable[str], known: Collection[str], roles: Collection[str]
) -> tuple[str, ...]:
    """Those of the given ones that the server has still and that people with these roles may use."""
    return tuple(sorted(one for one in within_roles([*given], roles) if covers(known, one)))


def joined(*sets: Iterable[str]) -> tuple[str, ...]:
    """All of them, once each, without those that a wider one includes."""
    together = {one for rights in sets for one in rights}
    return tuple(sorted(one for one in together if not covers(together - {one}, one)))


def missing(asked: Iterable[str], given: Collection[str]) -> tuple[str, ...]:
    """What of it would be new."""
    return tuple(one for one in asked if not covers(given, one))
