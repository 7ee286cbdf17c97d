"""Every route of the orchestrator, asked by everybody: who gets an answer, and who is told that there is nothing."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.routing import Route
from support.asker import Asker
from support.callers import ADA, CALLERS, NAMESAKE, NOBODY, REMOVER, Caller
from support.models import ScriptedModel, calls
from support.ports import free_port
from support.servers import serving
from support.signing_in import LOOPBACK, PUBLIC_URL, add_notes, go, sign_in
from support.signing_in import SECRET as SECRET_OF_TESTS
from support.stored import Stored, without
from support.third_party import Notes, third_party
from support.tool_apps import ToolApp, tool_apps
from support.world import Api, World, make_world, one

from mcp_search.knowledge.access import reader_of
from orchestrator.app import create_app
from orchestrator.migrations import upgrade
from orchestrator.settings import Settings
from shared.service_tokens import FixedKeys, Principal, SigningKey
from shared.sql import utc_now
from shared.wire.events import (
    ApprovalDecided,
    ApprovalNeeded,
    CallFinished,
    Event,
    InputNeeded,
    OutcomeNeeded,
    TurnStarted,
)

ISSUER = "http://orchestrator.test"
HASH = "0" * 64
WAIT_S, LOOK_S = 30, 0.02
RIVAL = "rival"
"""The namesake's organisation."""
ATTEMPTS = ("audit_rows", "audit_heads")
"""Where it is noted that somebody tried."""
WANTED = "'wanted'"
"""Connections nobody has made yet: what a server asked of somebody when its tools were listed for them."""
HERS_ALONE = frozenset(
    {
        "conversation_id",
        "turn_id",
        "call_id",
        "document_id",
        "grant_id",
        "input_id",
        "token",
        "state",
    }
)
"""Things of Ada's that nobody else is shown, not even in her organisation."""
NOTE = "Everybody has thirty days of leave."


pytestmark = pytest.mark.timeout(300)  # All is asked for the first test's sake.


@dataclass(frozen=True, slots=True)
class Rule:
    """Who gets an answer from a route, and how it is asked. Others with a token are refused with `refusal`."""

    admits: frozenset[str]
    refusal: int = 404
    visitor: int | None = None
    """What visitors are refused with, where it is something else."""
    body: Any = None
    query: str = ""
    answer: tuple[int, ...] = (200, 201, 202, 204)
    """What those get who are let in."""
    changes: frozenset[str] | None = None
    """For whom something may change; None: for those who are let in."""
    shows: bool = False
    """It shows things of others to those who are let in; that is what it is for."""

    def may_change(self, caller: Caller) -> bool:
        """Whether something of acme may be another afterwards."""
        who = self.admits if self.changes is None else self.changes
        return caller.name in who and caller.name != NAMESAKE

    def expected(self, caller: Caller, *, names_something: bool) -> tuple[int, ...]:
        """What the caller gets. To another tenant nothing that is named here exists."""
        if caller.name in self.admits:
            return self.answer
        if caller.role is None:
            return (401,)
        if REMOVER in {caller.name, *self.admits}:  # What a token is for is looked at first.
            return (403,)
        if caller.name == NAMESAKE and names_something:
            return (404,)
        return (self.visitor if caller.role == "visitor" and self.visitor else self.refusal,)


def rule(admits: Iterable[str], **how: Any) -> Rule:
    return Rule(frozenset(admits), **how)


EVERYBODY = [caller.name for caller in CALLERS]
SIGNED_IN = [caller.name for caller in CALLERS if caller.role not in {None, REMOVER}]
ADMINS = ["owner", "admin", NAMESAKE]
"""The namesake is an owner where they are, and sees what is there."""
EDITORS = ["owner", "admin"]
OF_ACME = [name for name in SIGNED_IN if name != NAMESAKE]
HERS = [ADA]
REJECT = {"decision": "reject"}

RULES: Mapping[str, Rule] = {
    "GET /openapi.json": rule(EVERYBODY),
    "GET /docs": rule(EVERYBODY),
    "GET /docs/oauth2-redirect": rule(EVERYBODY),
    "GET /redoc": rule(EVERYBODY),
    "GET /live": rule(EVERYBODY),
    "GET /ready": rule(EVERYBODY, answer=(200, 503)),
    "GET /metrics": rule(EVERYBODY),
    "GET /.well-known/jwks.json": rule(EVERYBODY),
    "GET /v1/about": rule(SIGNED_IN),
    "GET /v1/policy": rule(ADMINS, refusal=403),
    "GET /v1/audit": rule(ADMINS, refusal=403, shows=True),
    "GET /v1/audit/export": rule(ADMINS, refusal=403, shows=True),
    "GET /v1/conversations": rule(SIGNED_IN),
    "GET /v1/search": rule(SIGNED_IN, query="?q=leave"),
    "GET /v1/approvals": rule(SIGNED_IN),
    "GET /v1/grants": rule(SIGNED_IN),
    "GET /v1/tools": rule(SIGNED_IN),
    "PUT /v1/conversations/{conversation_id}": rule(HERS),
    "GET /v1/conversations/{conversation_id}": rule(HERS),
    "PATCH /v1/conversations/{conversation_id}": rule(HERS, body={"title": "Taken over"}),
    "PUT /v1/conversations/{conversation_id}/head": rule(HERS, body={"turn_id": "{turn_id}"}),
    "GET /v1/conversations/{conversation_id}/export": rule(HERS),
    "PUT /v1/conversations/{conversation_id}/share": rule(HERS),
    "GET /v1/conversations/{conversation_id}/share": rule(HERS),
    "POST /v1/conversations/{conversation_id}/turns": rule(
        HERS, body={"client_id": "client-of-matrix", "text": "What has she asked?"}
    ),
    # Who has the link may see what it shows.
    "GET /v1/shared/{token}": rule(SIGNED_IN),
    "GET /v1/turns/{turn_id}": rule(HERS),
    "GET /v1/turns/{turn_id}/events": rule(HERS),
    "PUT /v1/turns/{turn_id}/cancellation": rule(HERS),
    "GET /v1/calls/{finished_call_id}/result": rule(HERS),
    "PUT /v1/calls/{finished_call_id}/kept": rule(
        HERS, body={"name": "all_tasks", "title": "All"}, answer=(409,)
    ),
    "POST /v1/calls/{call_id}/preview": rule(HERS, body={"arguments": {}}),
    "PUT /v1/calls/{lost_call_id}/outcome": rule(HERS, body={"choice": "check"}),
    # Says of each call what came of it.
    "POST /v1/decisions": rule(
        SIGNED_IN,
        body={"decisions": [{"call_id": "{call_id}", **REJECT}]},
        changes=frozenset(HERS),
    ),
    "PUT /v1/calls/{call_id}/decision": rule(HERS, body=REJECT, answer=(200, 409)),
    "PUT /v1/inputs/{input_id}": rule(HERS, body={"action": "decline"}),
    "PUT /v1/tools/{server}/{tool}/acceptance": rule(
        ADMINS, refusal=403, body={"definition_hash": HASH}, answer=(409,)
    ),
    "GET /v1/servers": rule(ADMINS, refusal=403),
    "POST /v1/servers": rule(
        ADMINS, refusal=403, body={"name": "{new}", "url": "{address}/{new}"}, answer=(201, 409)
    ),
    "PATCH /v1/servers/{added}": rule(EDITORS, refusal=403, body={"enabled": True}),
    "POST /v1/connections/callback": rule(
        HERS, refusal=422, body={"state": "{state}", "code": "{code}", "iss": "{issuer}"}
    ),
    "PUT /v1/servers/{added}/client": rule(
        EDITORS, refusal=403, body={"issuer": "{address}/issuer", "client_id": "us"}
    ),
    "GET /v1/connections": rule(SIGNED_IN),
    "POST /v1/connections/{added}/sign-in": rule(OF_ACME),
    "GET /v1/mailbox": rule(SIGNED_IN),
    "GET /v1/mailbox/folders": rule(SIGNED_IN, query="?account={account}"),
    "GET /v1/mailbox/mails": rule(SIGNED_IN, query="?account={account}"),
    "GET /v1/mailbox/mail": rule(HERS, query="?account={account}&id={mail_id}"),
    "GET /v1/knowledge": rule(SIGNED_IN),
    "GET /v1/knowledge/collections": rule(SIGNED_IN),
    "GET /v1/knowledge/documents": rule(SIGNED_IN),
    "PUT /v1/knowledge/documents": rule(
        [name for name in SIGNED_IN if name != "visitor"],
        refusal=403,
        query="?name=note.txt",
        body="A note.",
    ),
    "GET /v1/knowledge/gaps": rule(ADMINS, refusal=403),
    "POST /v1/knowledge/collections": rule(ADMINS, refusal=403, body={"name": "Handbook {caller}"}),
    "GET /v1/knowledge/documents/{document_id}/original": rule(HERS),
    "GET /v1/knowledge/passages/{passage_id}": rule(HERS),
    "GET /v1/knowledge/passages/{passage_id}/page.png": rule([], answer=()),  # a text has no pages
    # Everybody of acme sees its collections, and is told who may change them.
    "PATCH /v1/knowledge/collections/{collection_id}": rule(
        EDITORS, refusal=403, body={"description": "Ours"}
    ),
    "PATCH /v1/knowledge/documents/{document_id}": rule(
        HERS, visitor=403, body={"access": ["person:ada"]}
    ),
    "POST /v1/knowledge/documents/{document_id}/cancel": rule(HERS, visitor=403),
    "PUT /v1/knowledge/answers/{answer_id}": rule(
        EDITORS, refusal=403, body={"question": "May I bring my dog?", "answer": "No."}
    ),
    "POST /v1/knowledge/gaps/{gap_id}/answer": rule(EDITORS, refusal=403, body={"answer": "Yes."}),
    "POST /v1/knowledge/gaps/{gap_id}/dismiss": rule(EDITORS, refusal=403),
    # What ends things comes last: it ends them for the routes above, too.
    "DELETE /v1/grants/{grant_id}": rule([*EDITORS, ADA]),
    "DELETE /v1/conversations/{conversation_id}/share": rule(HERS),
    "DELETE /v1/knowledge/documents/{document_id}": rule(HERS, visitor=403),
    "DELETE /v1/knowledge/collections/{collection_id}": rule(EDITORS, refusal=403),
    # Everybody ends their own only, be it that they were asked to sign in and did not.
    "DELETE /v1/connections/{added}": rule(OF_ACME),
    "DELETE /v1/servers/{doomed}": rule(EDITORS, refusal=403),
    "DELETE /v1/conversations/{conversation_id}": rule(HERS),
    "DELETE /v1/people/{subject}/connections": rule([REMOVER]),
    "DELETE /v1/tenant": rule([REMOVER]),
}
PATHS = {
    "DELETE /v1/servers/{server}": "/v1/servers/{doomed}",
    "/v1/servers/{server}": "/v1/servers/{added}",
    "/v1/servers/{server}/client": "/v1/servers/{added}/client",
    "/v1/connections/{server}": "/v1/connections/{added}",
    "/v1/connections/{server}/sign-in": "/v1/connections/{added}/sign-in",
    "/v1/knowledge/answers/{document_id}": "/v1/knowledge/answers/{answer_id}",
    "/v1/calls/{call_id}/result": "/v1/calls/{finished_call_id}/result",
    "/v1/calls/{call_id}/kept": "/v1/calls/{finished_call_id}/kept",
    "/v1/calls/{call_id}/outcome": "/v1/calls/{lost_call_id}/outcome",
}
"""Routes whose part stands for another thing than elsewhere."""


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one request."""

    status: int
    text: str
    shown: list[str]
    """What is only Ada's, and was not in the request."""


@dataclass(frozen=True, slots=True)
class Walked:
    """What came of all requests."""

    said: Mapping[tuple[str, str], Said]
    """By route and caller."""
    changed: list[str]
    """What was not as before, but for the namesake's own, after all had asked who may change nothing."""


def routes_of(app: FastAPI) -> set[str]:
    """All that the application answers, as the rules name them."""
    found: list[tuple[str, Iterable[str]]] = []
    for route in app.routes:
        if isinstance(route, Route):
            found.append((route.path, route.methods or ()))
        else:
            included: Any = route  # FastAPI's router in a router, which has no public name.
            inner = included.effective_candidates()
            found += [(each.path, each.original_route.methods) for each in inner]
    return {
        f"{method} {PATHS.get(f'{method} {path}') or PATHS.get(path, path)}"
        for path, methods in found
        for method in methods
        if method != "HEAD"
    }


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    folder = tmp_path_factory.mktemp("orchestrator")
    upgrade(f"sqlite+aiosqlite:///{folder / 'assistant.db'}")
    return asyncio.run(_walk(folder))


async def _walk(folder: Path) -> Walked:
    """First all who may change nothing, while everything is at rest; then the others, in the order of the rules."""
    said: dict[tuple[str, str], Said] = {}
    both = [(name, caller) for name in RULES for caller in CALLERS]
    changing = [(name, caller) for name, caller in both if RULES[name].may_change(caller)]
    async with _running(folder) as (world, things):
        stored = Stored(folder / "assistant.db", ATTEMPTS)
        before = without(stored.content(), RIVAL, WANTED)
        for name, caller in both:
            if (name, caller) not in changing:
                said[name, caller.name] = await _ask(world, name, caller, things)
        changed = [f"{row}" for row in before ^ without(stored.content(), RIVAL, WANTED)]
        stored.close()
        for name, caller in changing:
            said[name, caller.name] = await _ask(world, name, caller, things)
    return Walked(said, changed)


@asynccontextmanager
async def _running(folder: Path) -> AsyncGenerator[tuple[World, Mapping[str, str]]]:
    """An orchestrator with a tracker, a server that asks, and our own servers for mail and documents."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(make_world(folder))
        own_key = SigningKey.load(folder / "key.json")
        ports = {name: free_port() for name in ("mcp-email", "mcp-search")}
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        apps = await stack.enter_async_context(
            tool_apps(
                folder,
                issuers={ISSUER: FixedKeys(own_key.public_jwks())},
                audiences={name: f"{url}/mcp" for name, url in urls.items()},
            )
        )
        for name, port in ports.items():
            await stack.enter_async_context(serving(apps[name].app, port=port))
        notes = await stack.enter_async_context(third_party())
        (folder / "secret").write_text(SECRET_OF_TESTS)
        asker_url = await stack.enter_async_context(serving(Asker().app()))
        tracker = {"url": f"{world.tracker_url}/mcp", "own": True, "trusted_text": True}
        servers = {
            "tracker": {**tracker, "timeout_s": 2.0},
            "asker": {"url": f"{asker_url}/mcp", "own": True, "trusted_text": True},
            "email": {"url": f"{urls['mcp-email']}/mcp", "own": True, "origin": "mail"},
            "search": {"url": f"{urls['mcp-search']}/mcp", "own": True, "origin": "document"},
        }
        connecting = {
            "secret_file": folder / "secret",
            "public_url": PUBLIC_URL,
            "reachable_networks": LOOPBACK,
        }
        await stack.enter_async_context(
            world.orchestrator(_model(), tool_servers=servers, **connecting)
        )
        things = {
            **await _things(world),
            **await _documents(world, apps["mcp-search"]),
            **await _mails(world),
            **await _servers(world, notes),
        }
        yield world, things


def _model() -> ScriptedModel:
    def then(tool: str, **arguments: Any) -> list[Any]:
        return [[calls((tool, json.dumps(arguments)))], ["Done."]]

    return ScriptedModel(
        [
            *then("tracker__list_all", rows=3_000),
            *then("tracker__set_status", task_id=42, status="done"),
            *then("tracker__order", amount=5)[:1],
            *then("asker__send_mail", to="bob")[:1],
            *then("tracker__set_status", task_id=43, status="done")[:1],
            *[["And so on."]] * 20,
        ]
    )


async def _things(world: World) -> Mapping[str, str]:
    """What routes name, all of Ada's, and of her tenant what has no person."""
    ada = _api(world, _caller(ADA))
    things = {"server": "tracker", "tool": "count_tasks", "subject": ADA}
    listed = await _asked(ada, "conversation-listed", "List all")
    things["conversation_id"] = "conversation-listed"
    things["turn_id"] = one(listed, TurnStarted).turn_id
    things["finished_call_id"] = one(listed, CallFinished).call_id
    grant = {"decision": "approve", "grant": {"lifetime_s": 3_600}}
    granted = await _asked(ada, "conversation-granted", "Set 42 to done", grant)
    things["grant_id"] = one(granted, ApprovalDecided).grant_id or ""
    world.tracker.loses = 1
    lost = await _asked(ada, "conversation-lost", "Order five", until=OutcomeNeeded)
    things["lost_call_id"] = one(lost, OutcomeNeeded).call_id
    waiting = await _asked(ada, "conversation-input", "Write to Bob", until=InputNeeded)
    things["input_id"] = one(waiting, InputNeeded).input_id
    pending = await _asked(ada, "conversation-pending", "Set 43 to done", until=ApprovalNeeded)
    things["call_id"] = one(pending, ApprovalNeeded).call_id
    shared = await ada.request("PUT", "/v1/conversations/conversation-listed/share")
    things["token"] = shared.json()["token"]
    return things


def _api(world: World, caller: Caller) -> Api:
    return world.api(caller.person, caller.tenant, **caller.claims)


async def _asked(
    api: Api,
    conversation_id: str,
    text: str,
    decision: Mapping[str, Any] | None = None,
    until: type[ApprovalNeeded | InputNeeded | OutcomeNeeded] | None = None,
) -> list[Event]:
    """Ask in a conversation of its own, say yes, and read to the end or to what waits."""
    await api.request("PUT", f"/v1/conversations/{conversation_id}")
    async with api.ask(text, conversation_id, f"client-of-{conversation_id}") as reader:
        while (event := await reader.next()) is not None:
            if until is not None and isinstance(event, until):
                break
            if isinstance(event, ApprovalNeeded):
                path = f"/v1/calls/{event.call_id}/decision"
                body = decision or {"decision": "approve"}
                assert (await api.request("PUT", path, json=body)).is_success
    return reader.events


async def _servers(world: World, notes: Notes) -> Mapping[str, str]:
    """A server that was added, where Ada is signed in and begins to sign in again; two more to be removed."""
    ada, owner = _api(world, _caller(ADA)), _api(world, _caller("owner"))
    names = {"new": "another", f"new of {NAMESAKE}": RIVAL}
    things = {
        **names,
        "added": (await add_notes(owner, notes)).json()["server"],
        "address": notes.url,
    }
    for editor in EDITORS:
        more = await add_notes(owner, notes, name=f"of{editor}", url=f"{notes.url}/{editor}")
        things[f"doomed of {editor}"] = doomed = more.json()["server"]
        await owner.request("PATCH", f"/v1/servers/{doomed}", json={"enabled": False})
    await sign_in(ada)
    journey = await go(ada)
    back = journey.brought_back
    return {**things, "state": back["state"], "code": back["code"], "issuer": back["iss"]}


async def _documents(world: World, search: ToolApp) -> Mapping[str, str]:
    """A document of Ada's own; a collection and a question without an answer, which are the tenant's."""
    ada, owner = _api(world, _caller(ADA)), _api(world, _caller("owner"))
    added = await ada.request("PUT", "/v1/knowledge/documents?name=note.txt", content=NOTE.encode())
    document_id = added.json()["document"]["id"]
    async with asyncio.timeout(WAIT_S):
        while not await _is_ready(ada, document_id):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(LOOK_S)
    reader = reader_of(Principal(ADA, "acme", frozenset({"member"})))
    [passage] = await search.parts.store.neighbours(reader, document_id, 0, 1)
    things = {"document_id": document_id, "passage_id": passage.id}
    for editor in EDITORS:  # One for each: what the first has deleted, the second would not find.
        named = {"name": f"Handbook of the {editor}"}
        made = await owner.request("POST", "/v1/knowledge/collections", json=named)
        things[f"collection_id of {editor}"] = made.json()["id"]
        await search.parts.store.note_gap("acme", f"May I bring my dog to the {editor}?", utc_now())
    gaps = (await owner.request("GET", "/v1/knowledge/gaps")).json()["gaps"]
    await search.parts.store.note_gap("acme", "Who answers?", utc_now())
    known = {gap["id"] for gap in gaps}
    [third] = [
        gap["id"]
        for gap in (await owner.request("GET", "/v1/knowledge/gaps")).json()["gaps"]
        if gap["id"] not in known
    ]
    answered = await owner.request(
        "POST", f"/v1/knowledge/gaps/{third}/answer", json={"answer": "We do."}
    )
    things["answer_id"] = answered.json()["id"]
    things |= {f"gap_id of {editor}": gap["id"] for editor, gap in zip(EDITORS, gaps, strict=True)}
    return things


async def _is_ready(api: Api, document_id: str) -> bool:
    listed = await api.request("GET", f"/v1/knowledge/documents?document_id={document_id}")
    return bool(listed.json()["documents"][0]["state"] == "ready")


async def _mails(world: World) -> Mapping[str, str]:
    ada = _api(world, _caller(ADA))
    accounts = (await ada.request("GET", "/v1/mailbox")).json()["accounts"]
    account = accounts[0]["name"]
    mails = (await ada.request("GET", f"/v1/mailbox/mails?account={account}")).json()["mails"]
    return {"account": account, "mail_id": mails[0]["id"]}


def _caller(name: str) -> Caller:
    return next(caller for caller in CALLERS if caller.name == name)


async def _ask(world: World, name: str, caller: Caller, things: Mapping[str, str]) -> Said:
    """Of a stream only that it began."""
    method, _, path = name.partition(" ")
    rule_, known = RULES[name], {**things, "caller": caller.name}
    content = _filled(json.dumps(rule_.body), known) if rule_.body is not None else None
    headers = {"Content-Type": "application/json"} if content else {}
    if caller.name != NOBODY:
        headers["Authorization"] = f"Bearer {_api(world, caller).token}"
    url = world.url + _filled(path + rule_.query, known)
    async with world.http.stream(method, url, headers=headers, content=content) as response:
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            return Said(response.status_code, "", [])
        text = (await response.aread()).decode(errors="replace")
    asked = f"{url} {content}"
    secret = [thing for kind, thing in things.items() if kind in HERS_ALONE and thing not in asked]
    return Said(response.status_code, text[:500], [thing for thing in secret if thing in text])


def _filled(text: str, known: Mapping[str, str]) -> str:
    """With the caller's own thing of a kind where they have one, else with an editor's or the only one."""

    def thing(found: re.Match[str]) -> str:
        kind = found[1]
        names = (f"{kind} of {known['caller']}", f"{kind} of {EDITORS[0]}", kind)
        return next(known[name] for name in names if name in known)

    return re.sub(r"\{(\w+)\}", thing, text)


def test_every_route_has_a_rule() -> None:
    settings = Settings.model_validate(
        {
            "database_url": "sqlite+aiosqlite:///nowhere.db",
            "key_file": "key.json",
            "issuer": ISSUER,
            "trusted_issuers": {"http://frontend.test": "http://frontend.test/jwks.json"},
            "demo_model_url": "http://127.0.0.1:9/v1",
        }
    )
    routes = routes_of(create_app(settings))
    unknown = routes - RULES.keys()
    assert not unknown, (
        f"No rule says who may ask {sorted(unknown)}. Say in RULES whom it answers, what others are told, "
        "and how it is asked of something of Ada's; make that in `_things` where there is none yet."
    )
    assert not RULES.keys() - routes, "rules of routes that are there no more"


@pytest.mark.parametrize("name", RULES)
def test_a_route_answers_whom_its_rule_admits_and_nobody_else(walked: Walked, name: str) -> None:
    rule_ = RULES[name]
    names_something = "{" in name or "{" in rule_.query
    wrong: list[str] = []
    for caller in CALLERS:
        said = walked.said[name, caller.name]
        expected = rule_.expected(caller, names_something=names_something)
        if said.status not in expected:
            wrong.append(f"{caller.name}: {said.status} and not {expected}: {said.text}")
        if caller.name != ADA and not (rule_.shows and caller.tenant == "acme"):
            wrong += [f"{caller.name}: shown {thing}" for thing in said.shown]
    assert not wrong, "\n".join(wrong)


def test_nothing_changes_by_those_who_may_change_nothing(walked: Walked) -> None:
    assert not walked.changed, "\n".join(walked.changed)
