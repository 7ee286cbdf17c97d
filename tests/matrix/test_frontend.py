"""Every route of the frontend, asked by everybody: who is let in, and who is told that there is nothing."""

import re
from collections.abc import Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from sqlite3 import Connection
from typing import Any, cast

import pytest
from redis import Redis
from socketio.exceptions import ConnectionError as SocketRefused
from sqlalchemy import delete, select, update
from support.agents import CLIENTS, RESOURCES, Agent
from support.fake_orchestrator import FakeFile, FakeOrchestrator, FakeTurn, Received
from support.frontend_site import ORIGIN, Page, settings_for
from support.organisation import World
from support.stored import Content, Stored, without
from support.valkey import valkey
from support.web_thread import in_thread
from werkzeug.routing import Rule as Route
from werkzeug.test import TestResponse

from frontend.accounts.models import MembershipRow, PersonRow
from frontend.accounts.queries import Person, find_person
from frontend.accounts.roles import Role
from frontend.api_keys.queries import KeyWish, add_key
from frontend.app import STATIC, Application, create_app
from frontend.migrations import upgrade
from frontend.oauth_server.clients import Client, ClientKind
from frontend.oauth_server.models import ConsentRow
from frontend.oauth_server.queries import set_up
from frontend.orchestrator import VISITOR
from frontend.rights import (
    ADMINS,
    ANY_ACCOUNT,
    ANY_KEY,
    ANYBODY,
    CHAT,
    OWNERS,
    SIGNED_IN,
    Rule,
    rule_of,
)
from frontend.sign_in.session_rows import list_sessions
from frontend.tenants.invitations import Wish, add_invitation
from shared.errors import NotFound
from shared.scopes import REMOVAL
from shared.service_tokens import SigningKey
from shared.sql import utc_now

NOBODY = "nobody"
DISABLED = "an owner who was disabled"
HOMELESS = "somebody who was removed from their organisation"
STRANGER = "an owner of another organisation"
ELSEWHERE = "the member, as an owner of another organisation"
PEOPLE_KEY = "a key that may read people"
CHAT_KEY = "a key that may chat"
KEYS: Mapping[str, tuple[Role, str]] = {
    PEOPLE_KEY: (Role.ADMIN, "people:read"),
    CHAT_KEY: (Role.OWNER, "chat"),
}
FEW = (NOBODY, DISABLED, STRANGER, Role.OWNER.value)
"""Enough for what is open to everybody."""
OUTSIDE = (STRANGER, ELSEWHERE)
"""To them nothing that is named here exists."""
MINE = Role.MEMBER.value
"""Whose the session, the connected agent and the turn are that routes and events name."""
SESSION_MS = 3_600_000
VICTIM = "eve"
"""The member on whom administrators act."""
ACME = "Acme"
"""The organisation's name: those who are in another one, but belong to it, too, see it in their menu."""
IGNORED = ("security_events", "alembic_version")

READ_PEOPLE = Rule(scope="people:read")
MANAGE_READ = Rule(roles=ADMINS.roles, scope="people:read")
MANAGE_WRITE = Rule(roles=ADMINS.roles, scope="people:write")
OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True, slots=True)
class Row:
    """How a route is asked, and what those get who are let in. `{thing}` is filled in."""

    rule: Rule = ANYBODY
    answer: int = 200
    outside: int | None = None
    """What those get who are let in, but by another organisation. None: the same, because nothing is named."""
    but: Mapping[str, int] = field(default_factory=dict[str, int])
    """What single callers get who are let in."""
    form: Mapping[str, str] | None = None
    json: Any = None
    data: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    query: str = ""
    shows: bool = False
    """It tells whoever has the address about the organisation; that is what it is for."""

    def expected(self, caller: "Caller", path: str) -> int:
        person, is_call = caller.asking(path), path.startswith("/api/")
        if self.rule.is_public:
            return self.but.get(caller.name, self.answer)
        if person is None:
            return 401 if is_call else 302
        if not _fits(self.rule, person):
            return 403
        if caller.name in OUTSIDE and self.outside is not None:
            return self.but.get(caller.name, self.outside)
        return self.but.get(caller.name, self.answer)


def _fits(rule: Rule, person: Person) -> bool:
    """What a rule says, in the words of docs/people.md."""
    if person.scopes is not None and not (rule.scope == "" or rule.scope in person.scopes):
        return False
    return person.role in rule.roles if person.roles else not rule.needs_tenant


def rows(rule: Rule, **by_route: Row) -> dict[str, Row]:
    return {name: replace(row, rule=rule) for name, row in by_route.items()}


def passed_on(rule: Rule, *names: str, **how: Any) -> dict[str, Row]:
    """Calls that the orchestrator answers: to those outside it says that there is no such thing."""
    return {name: Row(rule, outside=404 if "<" in name else None, **how) for name in names}


SENT_HOME = {STRANGER: 302, Role.OWNER.value: 302}
"""Where only those sign in who are not."""
THING = {"json": {"name": "A thing"}}
PUBLIC = {
    "GET /live": Row(),
    "GET /ready": Row(),
    "GET /metrics": Row(),
    "GET /.well-known/jwks.json": Row(),
    "GET /.well-known/oauth-authorization-server": Row(),
    "GET /.well-known/openid-configuration": Row(),
    "GET /api/openapi.json": Row(),
    "GET /connections/client.json": Row(),
    "GET /static/<path:filename>": Row(),
    "GET /shared/<token>": Row(),
    # Whoever has the link of an invitation may read whose it is.
    "GET /invitation/<token>": Row(shows=True),
    "POST /invitation/<token>/account": Row(answer=422, form={}, shows=True),
    # Nobody makes an account by themselves here, and no mail is sent.
    "GET /register": Row(answer=403),
    "POST /register": Row(answer=403, form={}),
    "GET /forgot": Row(answer=403),
    "POST /forgot": Row(answer=403, form={}),
    "GET /sign-in": Row(but=SENT_HOME),
    "POST /sign-in": Row(answer=401, form={"email": "x@example.org"}),
    "GET /sign-up": Row(answer=403),
    "POST /sign-up": Row(answer=422, form={}),
    "POST /sign-out": Row(answer=302, form={}),
    "GET /sign-in/code": Row(answer=302),
    "POST /sign-in/code": Row(answer=302, form={}),
    "GET /sign-in/link/<token>": Row(answer=410),
    "POST /sign-in/link/<token>": Row(answer=410, form={}),
    "GET /sign-in/mail/<token>": Row(answer=410),
    "POST /sign-in/mail/<token>": Row(answer=410, form={}),
    "GET /sign-in/unknown": Row(answer=302),
    "POST /sign-in/unknown": Row(answer=302, form={}),
    "GET /sign-in/with/<name>": Row(answer=404, but=SENT_HOME),
    "GET /sign-in/from/<name>": Row(answer=404),
    "POST /sign-in/ended/<name>": Row(answer=404, form={}),
    "POST /api/auth/login": Row(
        answer=401, json={"email": "x@example.org", "password": "not a password"}
    ),
    "POST /api/auth/register": Row(
        answer=403, json={"email": "x@example.org", "name": "X", "password": "a good password"}
    ),
    "POST /api/auth/refresh": Row(answer=401, json={"refresh_token": "none"}),
    "POST /api/auth/logout": Row(answer=401, json={"refresh_token": "none"}),
    "POST /oauth/token": Row(answer=401, form={"grant_type": "authorization_code"}),
    "POST /oauth/revoke": Row(answer=401, form={"token": "none"}),
    "POST /oauth/introspect": Row(answer=401, form={"token": "none"}),
    "POST /oauth/register": Row(answer=404, json={}),
}
PAGES = passed_on(
    SIGNED_IN,
    "GET /",
    "GET /tools",
    "GET /approvals",
    "GET /mailbox",
    "GET /grants",
    "GET /knowledge",
    "GET /connections",
    "GET /agents",
    "GET /organisation",
)
OWN = {
    "GET /account": Row(ANY_ACCOUNT),
    "GET /account/codes": Row(ANY_ACCOUNT),
    # The same page for everybody: what is in the conversation is asked for by the page.
    "GET /c/<conversation_id>": Row(SIGNED_IN),
    "GET /account/connect": Row(ANY_ACCOUNT, answer=302),
    "POST /account/connect": Row(ANY_ACCOUNT, answer=302, form={}),
    "GET /account/connect/<name>": Row(ANY_ACCOUNT, answer=404),
    "POST /account/name": Row(ANY_ACCOUNT, answer=302, form={"name": "Other Name"}),
    "POST /account/address": Row(ANY_ACCOUNT, answer=422, form={"email": "new@example.org"}),
    "POST /account/address/verify": Row(ANY_ACCOUNT, answer=422, form={}),
    "POST /account/password": Row(ANY_ACCOUNT, answer=422, form={}),
    "POST /account/identities/remove": Row(ANY_ACCOUNT, answer=404, form={}),
    "POST /account/codes/begin": Row(ANY_ACCOUNT, form={}),
    "POST /account/codes/confirm": Row(ANY_ACCOUNT, answer=422, form={"code": "1"}),
    "POST /account/codes/off": Row(ANY_ACCOUNT, answer=422, form={}),
    "POST /account/codes/recovery": Row(ANY_ACCOUNT, answer=422, form={}),
    "POST /account/sessions/end": Row(ANY_ACCOUNT, answer=302, form={}),
    "POST /account/programs/<hex:session_id>/end": Row(ANY_ACCOUNT, answer=404, form={}),
    "POST /account/sessions/<session_hash>/end": Row(
        ANY_ACCOUNT, answer=404, but={MINE: 302, ELSEWHERE: 302}, form={}
    ),
    "POST /agents/<consent_id>/remove": Row(
        SIGNED_IN, answer=404, but={MINE: 302, "admin": 302, "owner": 302}, form={}
    ),
    # The member has agreed before.
    "GET /oauth/authorize": Row(SIGNED_IN, but={MINE: 302}, query="{question}"),
    "POST /oauth/authorize": Row(
        SIGNED_IN, answer=302, query="{question}", form={"decision": "refuse"}
    ),
    "POST /invitation/<token>": Row(
        ANY_ACCOUNT, answer=409, but={HOMELESS: 303, STRANGER: 303}, form={}, shows=True
    ),
    "POST /organisation/switch": Row(
        ANY_ACCOUNT,
        answer=303,
        but={HOMELESS: 404, STRANGER: 404},
        form={"tenant_id": "{tenant_id}"},
    ),
    "POST /organisation/leave": Row(SIGNED_IN, answer=303, form={}),
    "POST /organisations": Row(SIGNED_IN, answer=303, form={"name": "New"}),
    "GET /api/users/me": Row(ANY_KEY),
    "PATCH /api/users/me": Row(SIGNED_IN, but={STRANGER: 404}, json={"tenant_id": "{tenant_id}"}),
    "GET /api/tenants": Row(SIGNED_IN, shows=False),
    "POST /api/tenants": Row(SIGNED_IN, answer=403, but={"owner": 201}, json={"name": "New"}),
    "POST /api/tenants/memberships": Row(SIGNED_IN, answer=404, json={"invitation": "none"}),
    "POST /api/token": Row(
        ANY_KEY, answer=403, but={CHAT_KEY: 200}, json={"audience": "orchestrator"}
    ),
}
ADMINISTRATION = {
    "GET /admin/people": Row(ADMINS),
    "GET /admin/keys": Row(ADMINS),
    "GET /admin/security": Row(ADMINS),
    "GET /admin/agents": Row(ADMINS),
    "POST /admin/agents": Row(
        ADMINS, answer=201, form={"name": "Editor", "redirect_uris": "https://editor.test/back"}
    ),
    "POST /admin/agents/<client_id>/removal": Row(ADMINS, answer=303, outside=404, form={}),
    "GET /admin/people/<hex:person_id>": Row(ADMINS, outside=404),
    "POST /admin/people/<hex:person_id>/role": Row(
        ADMINS, answer=303, outside=404, form={"role": "visitor"}
    ),
    "POST /admin/people/<hex:person_id>/disabled": Row(
        ADMINS, answer=303, outside=404, form={"disabled": "yes"}
    ),
    "POST /admin/people/<hex:person_id>/sign-in-reset": Row(ADMINS, outside=404, form={}),
    "POST /admin/people/<hex:person_id>/removal": Row(ADMINS, answer=303, outside=404, form={}),
    "POST /admin/keys": Row(
        ADMINS, answer=201, form={"name": "Key", "role": "member", "scope": "chat", "days": "9"}
    ),
    "POST /admin/keys/<hex:key_id>/revocation": Row(ADMINS, answer=303, outside=404, form={}),
    "POST /organisation/name": Row(ADMINS, answer=303, form={"name": "Renamed"}),
    "POST /organisation/invitations": Row(
        ADMINS, answer=201, form={"role": "member", "uses": "1", "days": "7"}
    ),
    "POST /organisation/invitations/<hex:invitation_id>/withdrawal": Row(
        ADMINS, answer=303, outside=404, form={}
    ),
    "GET /api/users": Row(MANAGE_READ),
    "GET /api/users/<hex:person_id>": Row(MANAGE_READ, outside=404),
    "PATCH /api/users/<hex:person_id>": Row(MANAGE_WRITE, outside=404, json={"role": "visitor"}),
    "DELETE /api/users/<hex:person_id>": Row(MANAGE_WRITE, answer=204, outside=404),
    "POST /api/users/<hex:person_id>/sign-in-reset": Row(MANAGE_WRITE, outside=404),
    "GET /api/keys": Row(ADMINS),
    "POST /api/keys": Row(ADMINS, answer=201, json={"name": "Key", "scopes": ["chat"]}),
    "DELETE /api/keys/<hex:key_id>": Row(ADMINS, answer=204, outside=404),
    "GET /api/tenants/<hex:tenant_id>": Row(READ_PEOPLE, outside=404),
    "PATCH /api/tenants/<hex:tenant_id>": Row(ADMINS, outside=404, json={"name": "Renamed"}),
    "DELETE /api/tenants/<hex:tenant_id>/members/me": Row(
        SIGNED_IN, answer=204, outside=404, but={"owner": 409}
    ),
    "GET /api/tenants/<hex:tenant_id>/invitations": Row(MANAGE_READ, outside=404),
    "POST /api/tenants/<hex:tenant_id>/invitations": Row(ADMINS, answer=201, outside=404, json={}),
    "DELETE /api/tenants/<hex:tenant_id>/invitations/<hex:invitation_id>": Row(
        ADMINS, answer=204, outside=404
    ),
    "PUT /api/tenants/<hex:tenant_id>/owner": Row(
        OWNERS, answer=204, outside=404, json={"person_id": "{person_id}"}
    ),
    # The installation's own organisation cannot be deleted.
    "PUT /api/tenants/<hex:tenant_id>/deletion": Row(OWNERS, answer=409, outside=404),
    "DELETE /api/tenants/<hex:tenant_id>/deletion": Row(OWNERS, answer=204, outside=404),
    "POST /organisation/owner": Row(OWNERS, answer=303, form={"person_id": "{person_id}"}),
    "POST /organisation/deletion": Row(OWNERS, answer=303, form={"name": "Acme"}),
    "POST /organisation/deletion/withdrawal": Row(OWNERS, answer=303, form={}),
    # Those who own the installation see all organisations.
    "GET /admin/organisations": Row(OWNERS, outside=404),
    "POST /admin/organisations/<hex:tenant_id>/tier": Row(
        OWNERS, answer=303, outside=404, form={"tier": "paid"}
    ),
}
CHATTING = {
    **passed_on(
        CHAT,
        "GET /api/about",
        "GET /api/approvals",
        "GET /api/conversations",
        "GET /api/conversations/<conversation_id>",
        "GET /api/conversations/<conversation_id>/export",
        "GET /api/conversations/<conversation_id>/share",
        "PUT /api/conversations/<conversation_id>/share",
        "GET /api/calls/<call_id>/result",
        "GET /api/grants",
        "GET /api/mailbox",
        "GET /api/search",
        "GET /api/tools",
    ),
    "GET /api/mailbox/<any(folders, mails, mail):what>": Row(CHAT),
    **passed_on(
        CHAT,
        "PATCH /api/conversations/<conversation_id>",
        "PUT /api/conversations/<conversation_id>/head",
        "POST /api/calls/<call_id>/preview",
        "PUT /api/calls/<call_id>/decision",
        "PUT /api/calls/<call_id>/kept",
        "PUT /api/calls/<call_id>/outcome",
        "PUT /api/inputs/<input_id>",
        "PUT /api/tools/<server>/<tool>/acceptance",
        "POST /api/decisions",
        **THING,
    ),
    **passed_on(
        CHAT,
        "DELETE /api/conversations/<conversation_id>",
        "DELETE /api/conversations/<conversation_id>/share",
        "DELETE /api/grants/<grant_id>",
        answer=204,
    ),
    **passed_on(
        SIGNED_IN,
        "GET /api/knowledge",
        "GET /api/knowledge/documents/<document_id>/original",
        "GET /api/knowledge/passages/<passage_id>",
        "GET /api/knowledge/passages/<passage_id>/page.png",
        "GET /api/connections",
        "DELETE /api/connections/<server>",
    ),
    "GET /api/knowledge/<any(collections, documents, gaps):what>": Row(SIGNED_IN),
    **passed_on(SIGNED_IN, "POST /api/knowledge/collections", answer=201, **THING),
    **passed_on(
        SIGNED_IN,
        "PATCH /api/knowledge/<any(collections, documents):what>/<thing_id>",
        "POST /api/knowledge/documents/<document_id>/cancel",
        "POST /api/knowledge/gaps/<gap_id>/<any(answer, dismiss):what>",
        "PUT /api/knowledge/answers/<document_id>",
        **THING,
    ),
    **passed_on(
        SIGNED_IN,
        "DELETE /api/knowledge/<any(collections, documents):what>/<thing_id>",
        answer=204,
    ),
    "PUT /api/knowledge/documents": Row(
        SIGNED_IN, answer=202, query="?name=a.txt", data=b"A note.", headers=OCTETS
    ),
    "GET /connections/<server>/sign-in": Row(SIGNED_IN, answer=302, outside=404),
    "GET /connections/callback": Row(
        SIGNED_IN, answer=303, outside=404, query="?state={state}&code=code"
    ),
    "GET /connections/signed-in": Row(SIGNED_IN, query="?server=notes"),
    "GET /api/servers": Row(ADMINS),
    **passed_on(ADMINS, "POST /api/servers", answer=201, **THING),
    **passed_on(ADMINS, "PATCH /api/servers/<server>", **THING),
    **passed_on(ADMINS, "PUT /api/servers/<server>/client", answer=204, **THING),
    **passed_on(ADMINS, "DELETE /api/servers/<server>", answer=204),
}
ROWS: Mapping[str, Row] = {**PUBLIC, **PAGES, **OWN, **ADMINISTRATION, **CHATTING}
TOKENS = {"/invitation/": "{invitation}", "/shared/": "share-of-acme"}
"""What `<token>` stands for, by what comes before it; elsewhere it is good for nothing."""
KINDS = ("conversation", "call", "grant", "document", "passage", "gap", "thing", "input")


@dataclass(frozen=True, slots=True)
class Caller:
    """How somebody calls."""

    name: str
    person: Person | None
    """As who the frontend knows them. None: as nobody."""
    cookie: str = ""
    key: str = ""

    def asking(self, path: str) -> Person | None:
        """Keys are for programs: pages do not look at them."""
        return None if self.key and not path.startswith("/api/") else self.person


class Orchestrator(FakeOrchestrator):
    """Has whatever is asked for of acme; to other organisations there is no such thing."""

    acme = ""

    def answer(self, request: Received) -> tuple[int, dict[str, Any]]:
        self._look(request)
        return 200, {
            "url": "https://issuer.test/authorize",
            "server": "notes",
            "title": "Plans",
            "shared_at": "2026-11-21T09:00:00Z",
            "messages": [],
            "conversations": [],
        }

    def file(self, request: Received) -> FakeFile | None:
        kind = request.path.rpartition("/")[2]
        if request.method != "GET" or kind not in {"export", "result", "original", "page.png"}:
            return None
        self._look(request)
        return FakeFile(b"x", "image/png" if kind == "page.png" else "text/plain", "attachment")

    def stream(self, request: Received) -> FakeTurn | None:
        match request.path.strip("/").split("/"):
            case ["v1", "conversations", _, "turns"] | ["v1", "turns", _, "events"]:
                self._look(request)
                whose = f"turn-of-{request.caller.subject}"
                return self.turns.get(
                    "turn-of-acme" if request.method == "GET" else whose
                ) or self.add_turn(whose, "")
            case _:
                return None

    def _look(self, request: Received) -> None:
        is_of_acme = "-of-acme" in f"{request.path} {request.body}"
        if is_of_acme and request.caller.tenant not in {self.acme, VISITOR.tenant_id}:
            raise NotFound("There is no such thing.")


@dataclass
class Walk:
    """A frontend with everybody in it, and how it was before anybody asked."""

    application: Application
    orchestrator: Orchestrator
    redis: Any
    stored: Stored
    callers: Mapping[str, Caller]
    things: Mapping[str, str]
    secrets: tuple[str, ...]
    """Of acme, that nobody outside may read."""
    before: Content = frozenset()
    _copied: Connection | None = None
    _kept: dict[bytes, Any] = field(default_factory=dict[bytes, Any])
    """Sessions, as Redis has them."""

    def remember(self) -> None:
        self.before, self._copied = self.stored.content(), self.stored.copied()
        self._kept = {key: self.redis.dump(key) for key in self.redis.keys("session*")}

    def forget(self) -> None:
        """Undo what has been done."""
        assert self._copied is not None
        self.stored.restore(self._copied)
        with self.redis.pipeline() as pipe:
            pipe.flushdb()
            for key, value in self._kept.items():
                pipe.restore(key, SESSION_MS, value)
            pipe.execute()

    def ask(self, name: str, caller: Caller) -> tuple[TestResponse, str]:
        """The answer, and the path that was asked for."""
        row, method = ROWS[name], name.partition(" ")[0]
        path = self.filled(_path(routes_of(self.application)[name].rule))
        client = self.application.flask.test_client(use_cookies=bool(caller.cookie))
        if caller.cookie:
            client.set_cookie("steward", caller.cookie, domain="127.0.0.1")
        headers = {
            **row.headers,
            **({"Authorization": f"Bearer {caller.key}"} if caller.key else {}),
        }
        form = row.form and {key: self.filled(value) for key, value in row.form.items()}
        json = row.json and {
            key: self.filled(value) if isinstance(value, str) else value
            for key, value in row.json.items()
        }
        body: dict[str, Any] = {
            "json": json if row.json is not None else None,
            "data": row.data or form,
        }
        url = path + self.filled(row.query)
        answer = client.open(
            url, method=method, base_url=ORIGIN, headers=headers, buffered=True, **body
        )
        return answer, path

    def filled(self, text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: self.things[found[1]], text)


def _path(rule: str) -> str:
    """With what each part stands for."""
    for before, token in TOKENS.items():
        if rule.startswith(before):
            rule = rule.replace("<token>", token)
    rule = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule).replace("<token>", "none")
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def routes_of(application: Application) -> dict[str, Route]:
    """All that the frontend answers, as the rows name them."""
    return {
        f"{method} {re.sub(r'^/static/[0-9a-f]+/', '/static/', rule.rule)}": rule
        for rule in application.flask.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Generator[Walk]:
    folder = tmp_path_factory.mktemp("frontend")
    key = SigningKey.load_or_create(folder / "key.json")
    (folder / "secret").write_text("a secret that only these tests know")
    upgrade(f"sqlite:///{folder}/identity.db")
    orchestrator = Orchestrator(key.public_jwks(), ORIGIN)
    orchestrator.start()
    with ExitStack() as stack:
        stack.callback(orchestrator.stop)
        redis_server = stack.enter_context(valkey())
        often = dict.fromkeys(OFTEN, 1_000_000)
        settings = settings_for(
            folder,
            redis_server.url,
            orchestrator.url,
            resources=RESOURCES,
            clients=CLIENTS,
            log_level="ERROR",
            **often,
        )
        application = create_app(settings, async_mode="threading")
        stack.callback(application.parts.close)
        redis: Any = stack.enter_context(cast(Any, Redis).from_url(redis_server.url))
        stored = Stored(folder / "identity.db", IGNORED)
        stack.callback(stored.close)
        made = _everybody(application, orchestrator, redis, stored)
        # Forms without their token are refused by tests of their own; here each is one that our own page sent.
        application.flask.config["WTF_CSRF_ENABLED"] = False
        made.remember()
        yield made


ANNOUNCED = "/v1/conversations"
"""Asked for in the background after a question, by whoever asked it."""
OFTEN = (
    "sign_in_attempts_a_minute",
    "sign_in_burst",
    "shared_reads_a_minute",
    "invitations_a_minute",
    "agent_consents_a_minute",
    "agent_requests_a_minute",
)


def _everybody(
    application: Application, orchestrator: Orchestrator, redis: Any, stored: Stored
) -> Walk:
    world = World(application)
    orchestrator.acme = world.acme
    names = {role.value: role for role in Role if role is not Role.OWNER}
    world.people["owner"], world.people[STRANGER] = world.people["ada"], world.people["otto"]
    for name, role in {**names, VICTIM: Role.MEMBER, "gone": Role.OWNER, "off": Role.OWNER}.items():
        world.add(name, role)
    callers = {NOBODY: Caller(NOBODY, None)}
    for name in (*(role.value for role in Role), STRANGER):
        callers[name] = _signed_in(world, name, name)
    things = {**_things(world, callers), "question": _question(application)}
    world.add(MINE, Role.OWNER, world.other)
    callers[ELSEWHERE] = _signed_in(world, ELSEWHERE, MINE, world.other)
    callers[HOMELESS] = _signed_in(world, HOMELESS, "gone")
    callers[DISABLED] = replace(_signed_in(world, DISABLED, "off"), person=None)
    with application.parts.database.transaction() as session:
        session.execute(
            delete(MembershipRow).where(MembershipRow.person_id == world.people["gone"])
        )
        session.execute(
            update(PersonRow)
            .where(PersonRow.person_id == world.people["off"])
            .values(is_disabled=True)
        )
    callers[HOMELESS] = replace(callers[HOMELESS], person=_person(world, "gone"))
    for name, (role, scope) in KEYS.items():
        callers[name] = _key(world, name, role, scope)
    secrets = tuple(f"{name}@example.org" for name in (VICTIM, "ada", "admin", "support"))
    secrets += (things["prefix"],)
    return Walk(application, orchestrator, redis, stored, callers, things, secrets)


def _person(world: World, name: str, tenant_id: str | None = None) -> Person:
    with world.application.parts.database.transaction() as session:
        person = find_person(session, world.people[name], tenant_id)
    assert person is not None
    return person


def _signed_in(world: World, caller: str, name: str, tenant_id: str | None = None) -> Caller:
    browser = world.browser(name)
    if tenant_id is not None:
        browser.submit("/organisation/switch", {"tenant_id": tenant_id}, page="/")
    cookie = browser.client.get_cookie("steward")
    assert cookie is not None
    return Caller(caller, _person(world, name, tenant_id), cookie.value)


def _key(world: World, name: str, role: Role, scope: str) -> Caller:
    wish = KeyWish(name, role, (scope,), None)
    owner = _person(world, "owner")
    with world.application.parts.database.transaction() as session:
        key_id, key = add_key(session, owner, wish, utc_now())
    used = world.application.flask.test_client().get(
        "/api/users/me", headers={"Authorization": f"Bearer {key}"}
    )
    assert used.status_code == 200, used.text  # Its first use is noted.
    person = replace(
        owner, person_id=f"key:{key_id}", roles=(role.value,), scopes=frozenset({scope})
    )
    return Caller(name, person, key=key)


def _question(application: Application) -> str:
    asked = Agent(application.flask.test_client()).question()
    return f"?{asked.partition('?')[2]}"


def _things(world: World, callers: Mapping[str, Caller]) -> dict[str, str]:
    """What routes name, all of acme."""
    application, owner, member = world.application, callers["owner"].person, callers[MINE].person
    assert owner is not None
    assert member is not None
    wish = Wish(Role.MEMBER, 5, timedelta(days=1))
    Agent(application.flask.test_client()).code(world.browser(MINE))
    with application.parts.database.transaction() as session:
        key_id, key = add_key(
            session, owner, KeyWish("Key", Role.MEMBER, ("chat",), None), utc_now()
        )
        invitation = add_invitation(session, owner, wish, utc_now())
        own_session = list_sessions(session, member.person_id, utc_now())[-1]
        consent = session.scalars(select(ConsentRow)).one()
        agent = Client(
            "client-of-acme",
            ClientKind.REGISTERED,
            "Editor",
            ("https://editor.test/back",),
            tenant_id=owner.tenant_id,
        )
        set_up(session, agent, utc_now())
        return {
            "tenant_id": owner.tenant_id,
            "person_id": world.people[VICTIM],
            "key_id": key_id,
            "prefix": key.split("_")[1],
            "invitation_id": invitation.invitation_id,
            "invitation": invitation.token,
            "session_hash": own_session.session_hash,
            "consent_id": consent.consent_id,
            "client_id": agent.client_id,
            "session_id": "0" * 32,
            "state": "state-of-acme",
            "server": "notes-of-acme",
            "tool": "list",
            "name": "nobody",
            "filename": next(path for path in STATIC.rglob("*.css")).relative_to(STATIC).as_posix(),
            **{f"{kind}_id": f"{kind}-of-acme" for kind in KINDS},
        }


def problems_with(walk: Walk, name: str, caller: Caller) -> list[str]:
    """Ask, and say what is not as the row says."""
    row = ROWS[name]
    walk.orchestrator.received.clear()
    answer, path = walk.ask(name, caller)
    wanted = row.expected(caller, path)
    found: list[str] = []
    if answer.status_code != wanted:
        found.append(f"is answered {answer.status_code} and not {wanted}")
    person = caller.asking(path)
    is_let_in = row.rule.is_public or (person is not None and _fits(row.rule, person))
    is_outside = caller.name in OUTSIDE
    if not is_let_in and person is None and answer.status_code == 302:
        found += [] if answer.location.startswith("/sign-in?") else [f"sent to {answer.location}"]
    if not is_let_in or (is_outside and not row.shows):
        found += _changes(walk, caller if is_let_in else None)
    if not row.shows and (person is None or is_outside or not person.roles):
        found += [f"shows {secret}" for secret in walk.secrets if secret in answer.text]
    if caller.name == STRANGER and not row.shows and ACME in answer.text:
        found.append(f"shows {ACME}")
    if not is_let_in and walk.orchestrator.received:
        found.append("the orchestrator was asked")
    whose = VISITOR if row.rule.is_public else person
    found += _asked_as_others(walk.orchestrator, whose)
    if is_let_in and not (name.startswith("GET ") and walk.stored.content() == walk.before):
        walk.forget()
    return found


def _changes(walk: Walk, allowed: Caller | None) -> list[str]:
    """What is not as it was before, but for what is about whoever asked, where they were let in."""
    ids: tuple[str, ...] = ()
    if allowed is not None and allowed.person is not None:
        ids = (allowed.person.person_id, allowed.person.tenant_id)
    now = without(walk.stored.content(), *ids)
    return [f"changed {row}" for row in sorted(now ^ without(walk.before, *ids))]


def _asked_as_others(orchestrator: FakeOrchestrator, person: Person | None) -> list[str]:
    """Requests in somebody else's name, or that take away what is of another organisation."""
    own = person and (person.person_id, person.tenant_id, frozenset(person.roles))
    return [
        f"asked as {one.caller}"
        for one in list(orchestrator.received)
        if one.path != ANNOUNCED
        and (one.caller.subject, one.caller.tenant, one.caller.roles) != own
        and not (person and _removes(one, person.tenant_id))
    ]


def _removes(asked: Received, tenant_id: str) -> bool:
    """Whether the frontend itself ends there what somebody had who is let go."""
    is_remover = asked.caller.scopes == frozenset({REMOVAL}) and not asked.caller.roles
    return is_remover and asked.method == "DELETE" and asked.caller.tenant == tenant_id


def test_every_route_has_a_row_with_its_rule(walk: Walk) -> None:
    routes, flask = routes_of(walk.application), walk.application.flask
    unknown = routes.keys() - ROWS.keys()
    assert not unknown, (
        f"No row says who may ask {sorted(unknown)}. Say in ROWS which rule it has, how it is asked, "
        "and what people of another organisation get who name things of this one."
    )
    assert not ROWS.keys() - routes.keys(), "rows of routes that are there no more"
    assert {
        name: rule_of(flask, route.endpoint)
        for name, route in routes.items()
        if rule_of(flask, route.endpoint) != ROWS[name].rule
    } == {}, "These routes have another rule than their row says. Which one is right?"


@pytest.mark.parametrize("name", ROWS)
def test_a_route_answers_whom_its_rule_admits_and_nobody_else(walk: Walk, name: str) -> None:
    found = [
        f"{caller}: {problem}"
        for caller in (FEW if ROWS[name].rule.is_public else walk.callers)
        for problem in problems_with(walk, name, walk.callers[caller])
    ]
    assert not found, "\n".join(found)


CONVERSATION = {"conversation_id": "conversation-of-acme"}
EVENTS: Mapping[str, tuple[dict[str, Any], Any]] = {
    # What is said, and what those outside are told.
    "watch": (CONVERSATION, {"ok": True, "conversation": None}),
    "follow": ({"turn_id": "turn-of-acme"}, 404),
    "ask": ({**CONVERSATION, "client_id": "client", "text": "What is planned?"}, 404),
    "stop": ({"turn_id": "turn-of-acme"}, 404),
    "decide": ({"call_id": "call-of-acme", "decision": "approve"}, 404),
}
"""What pages say over their sockets. Once connected, everybody may say everything about what is theirs."""


@pytest.fixture(scope="module")
def site(walk: Walk) -> Generator[str]:
    with in_thread(walk.application.flask) as url:
        yield url


def test_every_event_of_a_socket_has_a_row(walk: Walk) -> None:
    handled = set(walk.application.flask.extensions["socketio"].server.handlers["/"])
    unknown = handled - {"connect", "disconnect"} - EVENTS.keys()
    assert not unknown, f"Say in EVENTS what a page says with {sorted(unknown)}, and to whom."


@pytest.mark.parametrize("name", [NOBODY, DISABLED, HOMELESS, PEOPLE_KEY, CHAT_KEY])
def test_no_socket_for_who_is_in_no_organisation(walk: Walk, site: str, name: str) -> None:
    with pytest.raises(SocketRefused):
        Page(site, f"steward={walk.callers[name].cookie}", origin=ORIGIN)


@pytest.fixture(scope="module")
def turn(walk: Walk, site: str) -> Generator[FakeTurn]:
    """One that the member follows, so that the frontend has it at hand."""
    turn = walk.orchestrator.add_turn("turn-of-acme", walk.callers[MINE].name)
    page = Page(site, f"steward={walk.callers[MINE].cookie}", origin=ORIGIN)
    assert page.ask("follow", EVENTS["follow"][0])["ok"]
    turn.say("The plan")
    page.next("events")
    yield turn
    for each in walk.orchestrator.turns.values():
        each.finish()
    page.close()


@pytest.mark.usefixtures("turn")
@pytest.mark.parametrize("name", [*(role.value for role in Role), *OUTSIDE])
def test_a_socket_reaches_what_is_its_persons_own(walk: Walk, site: str, name: str) -> None:
    caller = walk.callers[name]
    page = Page(site, f"steward={caller.cookie}", origin=ORIGIN)
    walk.orchestrator.received.clear()
    answers = {event: page.ask(event, said) for event, (said, _) in EVENTS.items()}
    page.close()
    for event, (_, outside) in EVENTS.items():
        if name in OUTSIDE and isinstance(outside, dict):
            assert answers[event] == outside, event
        elif name in OUTSIDE or (event == "follow" and name != MINE):
            assert answers[event]["error"]["code"] == NotFound.code, event
        else:
            assert answers[event]["ok"], event
    assert name == MINE or page.said_so_far("events") == 0
    assert _asked_as_others(walk.orchestrator, caller.person) == []
