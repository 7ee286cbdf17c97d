"""An agent that a person let in: asked about what cannot be undone, kept apart from other agents, persons, tenants."""

from typing import Any

import httpx
import pytest
from mcp import MCPError
from mcp.client import ClientRequestContext
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, InputRequiredResult
from support.tool_servers import Era, ToolServers, bearer, modern_request

from shared.scopes import RESOURCES, in_order

pytestmark = pytest.mark.asyncio(loop_scope="session")
ERAS: tuple[Era, ...] = ("auto", "legacy")
MAIL: dict[str, Any] = {"to": ["bob@example.com"], "subject": "Lunch"}


class Person:
    """Says the same to whatever is asked, and remembers it."""

    def __init__(self, *, yes: bool = True) -> None:
        self.yes = yes
        self.asked: list[str] = []

    async def answer(
        self,
        context: ClientRequestContext,  # noqa: ARG002 - the SDK names it
        params: ElicitRequestParams,
    ) -> ElicitResult:
        self.asked.append(params.message)
        if self.yes:
            return ElicitResult(action="accept", content={"send": True, "delete": True, "do": True})
        return ElicitResult(action="decline")


async def said(
    servers: ToolServers,
    server: str,
    token: str,
    tool: str,
    era: Era = "auto",
    person: Person | None = None,
    **arguments: Any,
) -> dict[str, Any]:
    """The structured answer, a problem's too."""
    async with servers.client(server, token, era, elicitation=person and person.answer) as client:
        answer = await client.call_tool(tool, arguments)
    assert isinstance(answer, CallToolResult)
    return answer.structured_content or {}


@pytest.mark.parametrize("era", ERAS)
async def test_an_agents_mail_is_sent_after_the_persons_yes_and_else_left_as_a_draft(
    servers: ToolServers, era: Era
) -> None:
    person = Person()
    token = servers.token("mcp-email", subject=f"ada-{era}")
    unasked = await said(servers, "mcp-email", token, "send_email", era, **MAIL, body="One")
    asked = await said(servers, "mcp-email", token, "send_email", era, person, **MAIL, body="Two")
    assert unasked["code"] == "confirmation_required"
    assert unasked["details"]["draft_id"]
    assert asked["status"] == "sent"
    assert ["| Two" in question.splitlines() for question in person.asked] == [True]


async def test_a_host_that_asks_its_people_is_believed(servers: ToolServers) -> None:
    token = servers.host.token(servers.url("mcp-email"), "mail:send", subject="grace")
    sent = await said(servers, "mcp-email", token, "send_email", **MAIL, body="Hello")
    assert sent["status"] == "sent"


async def add(servers: ToolServers, text: str) -> str:
    """A document of Ada's own. Gives its id."""
    token = servers.token("mcp-search", "kb:write")
    content = servers.http.put(
        f"{servers.addresses['mcp-search']}/v1/documents",
        params={"name": "a.txt"},
        content=text.encode(),
        headers=bearer(token),
    )
    return content.json()["document"]["id"]


WRITING = {
    "mcp-email": ("create_draft", "send_email"),
    "mcp-search": ("kb_upload", "kb_delete_document", "kb_make_collection"),
}


@pytest.mark.parametrize("server", WRITING)
async def test_a_visitor_changes_nothing_whatever_the_token_says(
    servers: ToolServers, server: str
) -> None:
    """Of either issuer: what the host's rules or a consent let through counts for nothing here."""
    everything = in_order(RESOURCES[server].all)
    visitor: dict[str, Any] = {"subject": "vera", "roles": ["visitor"]}
    token = servers.token(server, everything, **visitor)
    for one in (token, servers.host.token(servers.url(server), everything, **visitor)):
        for tool in WRITING[server]:
            asked = modern_request("tools/call", {"name": tool, "arguments": {}}, tool)
            asked["headers"] |= bearer(one)
            assert servers.http.post(servers.url(server), **asked).status_code == 403, tool
        if server == "mcp-search":
            put = servers.http.put(
                f"{servers.addresses[server]}/v1/documents",
                params={"name": "a.txt"},
                content=b"Words.",
                headers=bearer(one),
            )
            assert put.status_code == 403
            assert 'scope="kb:write"' in put.headers["WWW-Authenticate"]
    async with servers.client(server, token, "legacy") as client:
        assert (await client.list_tools()).tools
    tool = WRITING[server][0]
    assert (await said(servers, server, token, tool, "legacy"))["code"] == "insufficient_scope"


@pytest.mark.parametrize("era", ERAS)
async def test_an_agents_deletion_needs_the_persons_yes(servers: ToolServers, era: Era) -> None:
    person, token = Person(), servers.token("mcp-search", "kb:write")
    document = await add(servers, f"Words of {era}.")
    delete: dict[str, Any] = {"document_id": document}
    unasked = await said(servers, "mcp-search", token, "kb_delete_document", era, **delete)
    asked = await said(servers, "mcp-search", token, "kb_delete_document", era, person, **delete)
    assert unasked["code"] == "confirmation_required"
    assert asked["document_id"] == document
    assert len(person.asked) == 1


def task(task_id: int, status: str) -> dict[str, Any]:
    return {"task_id": task_id, "status": status}


@pytest.mark.parametrize("era", ERAS)
async def test_an_agents_action_is_asked_about_where_its_program_can_show_a_question(
    servers: ToolServers, era: Era
) -> None:
    server, tool, yes, no = "mcp-dbquery", "set_task_status", Person(), Person(yes=False)
    token = servers.token(server, "db:act:set_task_status", roles=["member"])
    before = await said(servers, server, token, f"preview_{tool}", era, **task(7, "review"))
    refused = await said(servers, server, token, tool, era, no, **task(7, "review"))
    after = await said(servers, server, token, f"preview_{tool}", era, **task(7, "review"))
    assert refused["code"] == "permission_denied"
    assert "did not say yes" in refused["message"]
    assert before == after
    (question,) = no.asked
    assert before["summary"] in question
    assert f"status: {before['changes'][0]['old']} → review" in question
    done = await said(servers, server, token, tool, era, yes, **task(7, "review"))
    assert done["changes"] == before["changes"]
    assert yes.asked == [question]
    await said(servers, server, token, tool, era, **task(7, before["changes"][0]["old"]))


@pytest.mark.parametrize("era", ERAS)
async def test_without_such_a_program_what_the_person_agreed_to_counts_and_hosts_ask_themselves(
    servers: ToolServers, era: Era
) -> None:
    server, scope, person = "mcp-dbquery", "db:act:set_task_status", Person()
    agents = servers.token(server, scope, roles=["member"])
    hosts = servers.host.token(servers.url(server), scope, roles=["member"])
    for token, asked in ((agents, None), (hosts, person)):
        did = await said(
            servers, server, token, "set_task_status", era, asked, **task(8, "in_progress")
        )
        assert did["summary"], did
    assert person.asked == []


async def test_nobody_is_asked_again_about_what_was_done_already(servers: ToolServers) -> None:
    server, person = "mcp-dbquery", Person()
    token = servers.token(server, "db:act", roles=["member"])
    async with servers.client(server, token, elicitation=person.answer) as client:
        answers = [
            await client.call_tool(
                "add_comment",
                {"task_id": 9, "body": "Once"},
                meta={"io.steward/idempotency-key": "agents-1"},
            )
            for _ in range(2)
        ]
    told: list[dict[str, Any]] = [answer.structured_content or {} for answer in answers]
    assert [one["repeated"] for one in told] == [False, True]
    assert len(person.asked) == 1


async def test_nobody_is_asked_about_an_action_that_cannot_be_done(servers: ToolServers) -> None:
    server, person = "mcp-dbquery", Person()
    for roles, arguments in ((["member"], task(999_999, "done")), (["visitor"], task(7, "done"))):
        token = servers.token(server, "db:act", roles=roles)
        answer = await said(servers, server, token, "set_task_status", "auto", person, **arguments)
        assert "code" in answer
    assert person.asked == []


async def test_what_is_for_a_hosts_own_pages_answers_no_agent(servers: ToolServers) -> None:
    document = await add(servers, "Words that stay.")
    token = servers.token("mcp-search", "kb:write", roles=["owner"])
    refused = await said(servers, "mcp-search", token, "kb_remove_document", document_id=document)
    assert refused["code"] == "confirmation_required"


async def test_a_yes_counts_for_the_agent_person_and_tenant_that_were_asked(
    servers: ToolServers,
) -> None:
    mine = {"subject": "ada", "tenant": "acme", "client": "agent"}
    arguments = {**MAIL, "body": "Sealed"}

    async def answer(asked: InputRequiredResult, **other: str) -> dict[str, Any] | str:
        yes = ElicitResult(action="accept", content={"send": True})
        token = servers.token("mcp-email", **{**mine, **other})
        async with servers.client("mcp-email", token, elicitation=Person().answer) as client:
            try:  # inside, because outside it arrives in a group
                ended = await client.session.call_tool(
                    "send_email",
                    arguments,
                    input_responses=dict.fromkeys(asked.input_requests or {}, yes),
                    request_state=asked.request_state,
                    allow_input_required=True,
                )
            except MCPError as error:
                return error.error.message
        assert isinstance(ended, CallToolResult)
        return ended.structured_content or {}

    token = servers.token("mcp-email", **mine)
    async with servers.client("mcp-email", token, elicitation=Person().answer) as client:
        asked = await client.session.call_tool("send_email", arguments, allow_input_required=True)
    assert isinstance(asked, InputRequiredResult)
    for other in ({"subject": "eve"}, {"tenant": "evil"}, {"client": "another"}):
        assert await answer(asked, **other) == "Invalid or expired requestState"
    ended = await answer(asked)
    assert isinstance(ended, dict)
    assert ended["status"] == "sent"


def post(
    servers: ToolServers, token: str, session: str | None, method: str, **params: Any
) -> httpx.Response:
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-11-25",
        **({"Mcp-Session-Id": session} if session else {}),
        **bearer(token),
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return servers.http.post(servers.url("mcp-email"), json=body, headers=headers)


async def test_in_a_session_each_requests_own_token_counts(servers: ToolServers) -> None:
    may_read, may_send = (servers.token("mcp-email", f"mail:{what}") for what in ("read", "send"))
    about = {"name": "test", "version": "1"}
    hello: dict[str, Any] = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": about,
    }
    begun = post(servers, may_send, None, "initialize", **hello)
    session = begun.headers["Mcp-Session-Id"]
    call: dict[str, Any] = {"name": "send_email", "arguments": {}}
    lowered = post(servers, may_read, session, "tools/call", **call)
    raised = post(servers, may_send, session, "tools/call", **call)
    assert "insufficient_scope" in lowered.text
    assert "invalid_argument" in raised.text
    for stranger in ({"subject": "eve"}, {"tenant": "evil"}, {"client": "another"}):
        token = servers.token("mcp-email", "mail:send", **stranger)
        assert post(servers, token, session, "tools/call", **call).status_code == 404
