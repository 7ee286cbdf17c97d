"""The orchestrator keeps to its own OpenAPI document, whatever it is sent."""

import shutil
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
import schemathesis
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from schemathesis.python import asgi
from schemathesis.schemas import BaseSchema
from support.api_schema import Known, open_to_nobody, operations, run
from support.knowledge_server import DOCUMENT, LEAVE, KnowledgeServer
from support.letterbox import Letterbox
from support.models import calls
from support.servers import serving
from support.world import World, make_world

from orchestrator.app import create_app
from orchestrator.models.port import Message, ReplyEnd, ToolForModel
from shared.scopes import REMOVAL
from shared.wire.events import EVENT, ApprovalNeeded

OPEN = {"GET /live", "GET /ready", "GET /metrics", "GET /.well-known/jwks.json"}
"""For whoever runs the service, and for tool servers."""
PURGE = {"DELETE /v1/tenant", "DELETE /v1/people/{subject}/connections"}
"""For the frontend alone."""
PICKY = {
    "GET /v1/conversations": "`before` is a cursor that was given before.",
    "POST /v1/connections/callback": "`state` is what a sign-in was begun with.",
    "POST /v1/servers": "Addresses must be public and by https.",
    "PUT /v1/calls/{call_id}/decision": "Arguments must fit the tool, and a grant goes with a yes.",
    "PUT /v1/servers/{server}/client": "Issuers must be https addresses.",
}
_ADDED = "Needs a server of somebody else; see connections/."
NEVER_DONE = {
    "DELETE /v1/connections/{server}": _ADDED,
    "DELETE /v1/grants/{grant_id}": "Needs a standing grant; see grants/test_grants.py.",
    "DELETE /v1/servers/{server}": _ADDED,
    "GET /v1/calls/{call_id}/result": "Needs a large result; see turns/test_large_results.py.",
    "GET /v1/conversations/{conversation_id}/share": "Nothing is shared yet; see turns/test_shares.py.",
    "PATCH /v1/servers/{server}": _ADDED,
    "POST /v1/connections/callback": _ADDED,
    "POST /v1/connections/{server}/sign-in": _ADDED,
    "POST /v1/servers": _ADDED,
    "PUT /v1/calls/{call_id}/kept": "Needs a call that has succeeded; see turns/test_keeping.py.",
    "PUT /v1/calls/{call_id}/outcome": "Needs a lost outcome; see turns/test_lost_outcomes.py.",
    "PUT /v1/inputs/{input_id}": "Needs a server's question; see turns/test_inputs.py.",
    "PUT /v1/servers/{server}/client": _ADDED,
    "PUT /v1/tools/{server}/{tool}/acceptance": "Needs the hash; see tools/test_definitions.py.",
}
"""What is refused in every answer here, and where it is done."""
CALL = '{"task_id": 42, "status": "done"}'
MAX_EVENTS = 4
"""The fourth event of a turn with a call is the question about it."""


class Obedient:
    """Does what the question says: calls a tool, or answers."""

    name = "obedient"

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[ToolForModel]
    ) -> AsyncGenerator[str | ReplyEnd]:
        del tools
        if messages[-1]["role"] == "user" and "act" in str(messages[-1]["content"]):
            yield calls(("tracker__set_status", CALL))
        else:
            yield "Done."
            yield ReplyEnd()


@asynccontextmanager
async def surroundings(directory: Path) -> AsyncGenerator[World]:
    """Tool servers, mail and documents beside the orchestrator."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(make_world(directory))
        mail = await stack.enter_async_context(serving(Letterbox().app()))
        documents = await stack.enter_async_context(serving(KnowledgeServer().app()))
        (directory / "secret").write_text("a secret that only these tests know")
        world.settings = {
            "log_level": "CRITICAL",
            "secret_file": directory / "secret",
            "public_url": "http://frontend.test",
            "tool_servers": {
                "tracker": {"url": f"{world.tracker_url}/mcp", "own": True},
                "email": {"url": f"{mail}/mcp", "own": True, "origin": "mail"},
                "search": {"url": f"{documents}/mcp", "own": True, "origin": "document"},
            },
        }
        yield world


@pytest.fixture
def place(tmp_path: Path, migrated: Path) -> Generator[World]:
    shutil.copy(migrated, tmp_path / "assistant.db")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(surroundings(tmp_path)) as world,
    ):
        yield world


@pytest.fixture
def app(place: World) -> Generator[FastAPI]:
    yield create_app(place.make_settings(), model=Obedient(), now=place.clock)
    asgi.shutdown_lifespans()


@pytest.fixture
def schema(app: FastAPI) -> BaseSchema:
    return schemathesis.openapi.from_asgi("/openapi.json", cast(Any, app))


class People:
    """Owners of organisations of their own, in which something has happened."""

    def __init__(self, world: World, app: Any) -> None:
        self._world, self._app, self._count = world, app, 0
        self._kept: dict[str, Known] = {}

    def __call__(self, label: str) -> Known:
        """One for each operation: a turn takes too long to have one for each request."""
        if label not in self._kept:
            self._kept[label] = self._settle(label)
        return self._kept[label]

    def _settle(self, label: str) -> Known:
        self._count += 1
        claims = {"scope": REMOVAL} if label in PURGE else {}
        token = self._world.api(tenant=f"tenant-{self._count}", **claims).token
        conversation = f"conversation-{self._count}"
        ids = {
            "conversation_id": conversation,
            "server": "tracker",
            "tool": "count_tasks",
            "collection_id": "c1",
            "document_id": DOCUMENT,
            "passage_id": LEAVE,
            "gap_id": "g1",
            "account": "first-run",
            "id": "m1",
            "subject": "ada",
        }
        if "{" not in label or label in PURGE:
            return Known(token, ids)
        self._send(token, "PUT", f"/v1/conversations/{conversation}")
        ids["turn_id"] = self._ask(token, conversation, "Hello")[0].turn_id
        if "{token}" in label:
            ids["token"] = self._send(token, "PUT", f"/v1/conversations/{conversation}/share")[
                "token"
            ]
        if "{call_id}" in label:
            waiting = self._ask(token, conversation, "Please act")
            ids["call_id"] = next(e.call_id for e in waiting if isinstance(e, ApprovalNeeded))
        return Known(token, ids)

    def _ask(self, token: str, conversation: str, text: str) -> list[Any]:
        body = {"client_id": f"client-{self._count}-{len(text)}", "text": text}
        with asgi.get_client(self._app, max_stream_events=MAX_EVENTS) as client:
            answer = client.post(
                f"/v1/conversations/{conversation}/turns",
                json=body,
                headers={"Authorization": f"Bearer {token}"},
            )
        return [
            EVENT.validate_json(line[6:])
            for line in answer.text.splitlines()
            if line.startswith("data: ")
        ]

    def _send(self, token: str, method: str, path: str) -> Any:
        with asgi.get_client(self._app) as client:
            answer = client.request(method, path, headers={"Authorization": f"Bearer {token}"})
        return orjson.loads(answer.content)


@pytest.mark.timeout(300)  # mostly computing, and the machine may be busy
def test_every_answer_is_as_described(place: World, app: FastAPI, schema: BaseSchema) -> None:
    found = run(schema, People(place, app), PICKY)
    assert not found.failures, "\n\n".join(found.failures)
    assert found.picky == set(PICKY)
    assert found.never_done == set(NEVER_DONE)


def test_nobody_gets_in_but_where_the_document_says_so(schema: BaseSchema) -> None:
    declared = {
        operation.label
        for operation in operations(schema)
        if not operation.definition.raw.get("security")
    }
    assert declared == OPEN
    assert open_to_nobody(schema, {}) == OPEN
