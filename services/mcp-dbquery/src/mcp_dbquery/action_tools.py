"""One tool per declared action, with its preview, and one that says whether an action was done."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.types import ToolAnnotations
from pydantic import Field

from mcp_dbquery.actions.file import Action
from mcp_dbquery.actions.runner import ActionRunner
from mcp_dbquery.conventions import (
    HIDDEN_META,
    IDEMPOTENCY_META,
    PREVIEW_META,
    READS,
    STATUS_META,
    STATUS_TOOL,
)
from mcp_dbquery.databases import Database
from mcp_dbquery.parts import Parts, actions_of
from mcp_dbquery.results import ActionPreview, ActionResult, ActionStatus
from shared.mcp_server import note_in_audit
from shared.service_tokens import Principal


def add_action_tools(server: MCPServer, parts: Parts) -> None:
    """Add those of all databases; none when nothing may be changed."""
    actions = actions_of(parts.databases)
    for name, (database, runner, action) in sorted(actions.items()):
        _add(server, parts, name, database, runner, action)
    if actions:
        # All actions share the ledger, so any runner can say.
        _, runner, _ = next(iter(actions.values()))
        _add_status_tool(server, parts, runner)


def _add_status_tool(server: MCPServer, parts: Parts, runner: ActionRunner) -> None:
    @server.tool(
        name=STATUS_TOOL,
        title="Status of an action",
        annotations=READS,
        meta={HIDDEN_META: True},
    )
    async def status(
        idempotency_key: Annotated[str, Field(min_length=1, max_length=200)],
    ) -> ActionStatus:
        """Whether an action was done under this key: for a caller whose answer was lost. Nothing is done."""
        return await runner.status(parts.caller(), idempotency_key)

    del status  # registered by its decorator


def _add(
    server: MCPServer,
    parts: Parts,
    name: str,
    database: Database,
    runner: ActionRunner,
    action: Action,
) -> None:
    preview_name = f"preview_{name}"
    annotations = ToolAnnotations(
        read_only_hint=False,
        destructive_hint=action.destructive,
        idempotent_hint=action.idempotent,
        open_world_hint=False,
    )

    async def do(ctx: Context[Any, Any], arguments: dict[str, Any]) -> ActionResult:
        caller = _admit(parts, database)
        meta: Mapping[str, Any] = dict(ctx.request_context.meta or {})
        key = meta.get(IDEMPOTENCY_META)
        given = key if isinstance(key, str) and key else None
        return await runner.do(name, arguments, caller, given)

    async def show(_: Context[Any, Any], arguments: dict[str, Any]) -> ActionPreview:
        return await runner.preview(name, arguments, _admit(parts, database))

    server.add_tool(
        _with_parameters(do, action, ActionResult),
        name=name,
        title=action.title,
        description=action.description,
        annotations=annotations,
        meta={PREVIEW_META: preview_name, STATUS_META: STATUS_TOOL},
    )
    server.add_tool(
        _with_parameters(show, action, ActionPreview),
        name=preview_name,
        title=f"Preview: {action.title}",
        description=f"What {name} would change with these arguments. Nothing is done.",
        annotations=READS,
        meta={HIDDEN_META: True},
    )


def _admit(parts: Parts, database: Database) -> Principal:
    """The caller. Raises UnknownDatabase: this database is not for them, so neither are its actions."""
    caller = parts.caller()
    note_in_audit(database=database.name)
    parts.databases.choose(caller, database.name)
    return caller


def _with_parameters(
    work: Callable[[Context[Any, Any], dict[str, Any]], Awaitable[Any]],
    action: Action,
    result: type,
) -> Callable[..., Awaitable[Any]]:
    """A function whose signature is the action's parameters: the SDK makes the tool's schema from it."""

    async def tool(ctx: Context[Any, Any], **arguments: Any) -> Any:
        return await work(ctx, arguments)

    annotations = {name: parameter.annotation() for name, parameter in action.parameters.items()}
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation)
        for name, annotation in {"ctx": Context, **annotations}.items()
    ]
    tool.__signature__ = inspect.Signature(parameters, return_annotation=result)  # pyright: ignore[reportFunctionMemberAccess]
    tool.__annotations__ = {"ctx": Context, **annotations, "return": result}
    return tool
