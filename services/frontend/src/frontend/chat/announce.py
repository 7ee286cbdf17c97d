"""Tells all of a person's pages, on every replica, what changed in the side list."""

from typing import Any

from flask import current_app
from flask_socketio import SocketIO


def person_room(person_id: str) -> str:
    return f"person:{person_id}"


def session_room(session_key: str) -> str:
    return f"session:{session_key}"


def conversation_room(person_id: str, conversation_id: str) -> str:
    """The person is part of the name, so that no id made up elsewhere leads into somebody else's room."""
    return f"conversation:{person_id}:{conversation_id}"


def announce_conversation(person_id: str, conversation: dict[str, Any]) -> None:
    sockets: SocketIO = current_app.extensions["socketio"]
    sockets.emit("conversation", conversation, to=person_room(person_id))
