"""Who may read and who may change, decided from what the verified token says. Pure."""

import re
from collections.abc import Collection as Container
from collections.abc import Iterable

from mcp_search.knowledge.model import EVERYBODY, Collection, Reader
from shared.mcp_server import InvalidArguments
from shared.service_tokens import Principal

MAX_KEYS = 50
_KEY = re.compile(r"everybody|(?:person|role):[^\s\x00-\x1f\x7f,]{1,200}")


def reader_of(principal: Principal) -> Reader:
    """The caller as the store knows them."""
    return Reader(principal.tenant, principal.subject, principal.roles)


def is_editor(reader: Reader, editor_roles: Container[str]) -> bool:
    """Of everything in the tenant that this reader may see."""
    return any(role in editor_roles for role in reader.roles)


def may_edit(reader: Reader, collection: Collection, editor_roles: Container[str]) -> bool:
    """Whether a reader who sees the collection may add, change and remove in it."""
    if own_key(collection) is not None:
        return own_key(collection) in reader.keys
    return is_editor(reader, editor_roles) or bool(reader.keys & collection.editors)


def own_key(collection: Collection) -> str | None:
    """The key of the only person who reads it and changes it; None where there are more."""
    alone = len(collection.access) == 1 and collection.access == collection.editors
    return next((key for key in collection.access if alone and key.startswith("person:")), None)


def checked_keys(keys: Iterable[str], what: str) -> frozenset[str]:
    """Raises InvalidArguments: too many, or not of the three forms."""
    wanted = frozenset(key.strip() for key in keys)
    if len(wanted) > MAX_KEYS:
        raise InvalidArguments(f"{what} has more than {MAX_KEYS} entries.", hint="Use a role.")
    if not all(_KEY.fullmatch(key) for key in wanted):
        raise InvalidArguments(
            f"{what} has an entry that is none.",
            hint="Entries are everybody, person:SUBJECT and role:NAME.",
        )
    return wanted


def checked_readers(reader: Reader, keys: Iterable[str]) -> frozenset[str]:
    """Of a collection. Raises InvalidArguments: nobody, or not the person who says so."""
    access = checked_keys(keys, "access")
    if not access:
        raise InvalidArguments("access must let somebody in.", hint=f"For all, say {EVERYBODY}.")
    if not access & reader.keys:
        raise InvalidArguments(
            "With this access you could not see it yourself.",
            hint=f"Add person:{reader.subject} or a role that you have.",
        )
    return access


def narrowed(reader: Reader, collection: Collection, keys: Iterable[str]) -> frozenset[str]:
    """Who may read a document of the collection. Empty: as the collection says.

    Raises InvalidArguments: it says more than the collection, or shuts out the person who says so. A person who is
    let in by a document and not by its collection reads nothing: the store asks both.
    """
    if not (access := checked_keys(keys, "access")):
        return access
    roles = {key for key in access if not key.startswith("person:")}
    if EVERYBODY not in collection.access and roles - collection.access:
        raise InvalidArguments(
            "A document cannot be open to more people than its collection.",
            hint="Name some of the collection's own entries, or persons; or use another collection.",
        )
    return checked_readers(reader, access)
