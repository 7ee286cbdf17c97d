"""What was stored by an earlier version is found again by this one."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.models import ScriptedModel
from support.world import make_world

from orchestrator.migrations import upgrade

AT = "2026-01-01 12:00:00.000000"
OWNER = ("acme", "ada")


@pytest.fixture
def old_database(tmp_path: Path) -> Path:
    """A database of the first version with one conversation of two turns, brought up to date."""
    path = tmp_path / "assistant.db"
    address = f"sqlite+aiosqlite:///{path}"
    upgrade(address, "0001")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "INSERT INTO conversations VALUES (?, ?, ?, ?, ?, ?)",
            ("conversation-7", *OWNER, "Old times", AT, AT),
        )
        for position, (question, answer) in enumerate(
            [("Where is the café?", "Round the corner."), ("And the station?", "Far away.")], 1
        ):
            _add_turn(database, position, question, answer)
    upgrade(address)
    return path


def _add_turn(database: sqlite3.Connection, position: int, question: str, answer: str) -> None:
    turn_id = f"turn-{position}"
    asked_by = {"name": "Ada", "roles": ["owner"], "tier": "free", "locale": "en", "tz": "UTC"}
    database.execute(
        "INSERT INTO turns (turn_id, conversation_id, tenant_id, owner_id, client_id, position,"
        " question, asked_by, state, fence, last_n, created_at, finished_at)"
        " VALUES (?, 'conversation-7', ?, ?, ?, ?, ?, ?, 'answered', 1, 4, ?, ?)",
        (
            turn_id,
            *OWNER,
            f"client-000{position}",
            position,
            question,
            json.dumps(asked_by),
            AT,
            AT,
        ),
    )
    started = {
        "turn_id": turn_id,
        "conversation_id": "conversation-7",
        "client_id": f"client-000{position}",
        "question": question,
        "title": "Old times",
        "model": "old",
        "at": "2026-01-01T12:00:00Z",
    }
    events = [
        ("turn_started", started),
        ("text_finished", {"text": answer}),
        ("usage", {"model": "old"}),
        ("turn_finished", {"outcome": "answered"}),
    ]
    for n, (kind, payload) in enumerate(events, 1):
        database.execute(
            "INSERT INTO turn_events VALUES (?, ?, ?, ?, ?)",
            (turn_id, n, kind, json.dumps({"kind": kind, "n": n, "first": n, **payload}), AT),
        )


@pytest.mark.usefixtures("old_database")
async def test_turns_that_followed_one_another_make_one_path(tmp_path: Path) -> None:
    model = ScriptedModel([["At nine."]])
    async with make_world(tmp_path) as world, world.orchestrator(model):
        api = world.api()
        async with api.ask("When does it open?", "conversation-7", "client-0003") as reader:
            await reader.rest()
        detail = (await api.request("GET", "/v1/conversations/conversation-7")).json()
    assert [turn["turn_id"] for turn in detail["turns"][:2]] == ["turn-1", "turn-2"]
    assert len(detail["turns"]) == 3
    told = [message["content"] for message in model.asked[0][1:]]
    assert told[:4] == ["Where is the café?", "Round the corner.", "And the station?", "Far away."]


@pytest.mark.usefixtures("old_database")
async def test_what_was_said_before_is_found(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world, world.orchestrator(ScriptedModel([])):
        api = world.api()
        found = [
            (await api.request("GET", "/v1/search", params={"q": q})).json()["hits"]
            for q in ("cafe", "corner")
        ]
    assert [[(hit["turn_id"], hit["role"]) for hit in hits] for hits in found] == [
        [("turn-1", "person")],
        [("turn-1", "assistant")],
    ]
