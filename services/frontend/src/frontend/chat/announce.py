"""Tells all of a person's pages, on every replica, what changed in the side list."""

from collections.abc import Callable
from typing import Any, cast

from flask import current_app

from frontend.accounts.queries import Person

Emit = Callable[[str, dict[str, Any], str], None]
"""Event, what it says, room: to all sockets in the room, on every replica."""

PATH_CHANGED = "conversation_changed"
"""Its turns are others than before, and not only more of them."""


def person_room(person: Person) -> str:
    """In one tenant: pages of the same person in another one show other conversations."""
    return f"person:{person.tenant_id}:{person.person_id}"


def session_room(session_key: str) -> str:
    return f"session:{session_key}"


def conversation_room(person: Person, conversation_id: str) -> str:
    """The person and the tenant are part of the name, so that no id made up elsewhere leads into another's room."""
    return f"conversation:{person.tenant_id}:{person.person_id}:{conversation_id}"


def announce_conversation(person: Person, conversation: dict[str, Any]) -> None:
    _emit("conversation", conversation, person_room(person))


def announce_path(person: Person, conversation_id: str) -> None:
    """Another version of a question is shown now: pages that look at the conversation read it again."""
    news = {"conversation_id": conversation_id}
    _emit(PATH_CHANGED, news, conversation_room(person, conversation_id))


def _emit(event: str, body: dict[str, Any], room: str) -> None:
    emit = cast("Emit", current_app.extensions["steward_emit"])
    emit(event, body, room)
