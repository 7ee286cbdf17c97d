"""Tools over HTTP: what there is, from where, and accepting a changed definition."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Path, Request

from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from orchestrator.deps import Caller, Db, Now, ServerKey
from orchestrator.tools.catalogue import Catalogue, CatalogueTool, ServerTools
from orchestrator.tools.fingerprint import canonical_hash
from orchestrator.tools.queries import add_definition
from shared.errors import Conflict, NotAllowed, NotFound
from shared.wire.api import Tool, ToolAcceptance, ToolServer, ToolState

MAY_ACCEPT = frozenset({"owner", "admin"})

router = APIRouter(prefix="/v1/tools", tags=["tools"])


def _catalogue(request: Request) -> Catalogue:
    return cast(Catalogue, request.app.state.catalogue)


ToolName = Annotated[str, Path(min_length=1, max_length=256)]
Tools = Annotated[Catalogue, Depends(_catalogue)]


@router.get("")
async def list_all(caller: Caller, catalogue: Tools) -> dict[str, list[ToolServer]]:
    """The tool servers and what each offers you now."""
    toolbox = await catalogue.toolbox(caller)
    return {"servers": [_as_server(listed) for listed in toolbox.servers]}


@router.put("/{server}/{tool}/acceptance")
async def accept(
    server: ServerKey,
    tool: ToolName,
    acceptance: ToolAcceptance,
    caller: Caller,
    catalogue: Tools,
    db: Db,
    now: Now,
) -> Tool:
    """Accept a tool's definition, so that your organisation can call it (again). For owners and admins."""
    if not caller.personal_roles & MAY_ACCEPT:
        raise NotAllowed("Only an owner or an admin can accept a tool.")
    found = (await catalogue.toolbox(caller, max_age_s=0)).find(server, tool)
    if found is None:
        raise NotFound("There is no such tool right now.")
    if found.definition_hash != acceptance.definition_hash:
        raise Conflict("The tool has changed again since you looked. Look at it once more.")
    async with db.writing() as session:
        await add_definition(
            session,
            server,
            tool,
            found.definition,
            tenant_id=caller.tenant,
            accepted_by=caller.subject,
            now=now,
            replace=True,
        )
        await record(
            session,
            caller.tenant,
            AuditKind.DEFINITION_ACCEPTED,
            now,
            person=caller.subject,
            body={
                "server": server,
                "tool": tool,
                "definition_hash": found.definition_hash,
                "definition": found.definition,
                "previous_hash": canonical_hash(found.accepted) if found.accepted else None,
                "name": caller.name,
                "session": caller.session,
            },
        )
    catalogue.forget()
    accepted = (await catalogue.toolbox(caller)).find(server, tool)
    return _as_tool(accepted or found)


def _as_server(listed: ServerTools) -> ToolServer:
    return ToolServer(
        server=listed.server.key,
        own=listed.server.own,
        added=listed.server.is_added,
        sign_in_needed=listed.sign_in_needed,
        problem=listed.problem.message if listed.problem else None,
        # One that models never see, but pages work with, must be seen to be accepted.
        tools=[_as_tool(tool) for tool in listed.tools if tool.is_changed or not tool.is_hidden],
    )


def _as_tool(tool: CatalogueTool) -> Tool:
    return Tool(
        server=tool.server.key,
        tool=tool.tool.name,
        title=tool.title,
        description=tool.tool.description or "",
        read_only=tool.reads_only,
        state=_state_of(tool),
        definition_hash=tool.definition_hash,
        definition=tool.definition,
        accepted_definition=tool.accepted,
    )


def _state_of(tool: CatalogueTool) -> ToolState:
    if tool.is_new:
        return ToolState.NEW
    return ToolState.CHANGED if tool.is_changed else ToolState.READY
