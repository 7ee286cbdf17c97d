"""The tools of declared actions: one does each, a hidden one previews it, one more tells what was done."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.types import ToolAnnotations
from pydantic import Field

from mcp_dbquery.actions.file import Action
from mcp_dbquery.actions.ledger import Ledger
from mcp_dbquery.actions.runner import ActionRunner
from mcp_dbquery.parameters import signature_of
from mcp_dbquery.results import ActionPreview, ActionResult, ActionStatus
from shared.errors import BadSetup
from shared.scopes import DB_READ, act, needs
from shared.service_tokens import Principal

IDEMPOTENCY_META = "io.steward/idempotency-key"
PREVIEW_META = "io.steward/preview"
HIDDEN_META = "io.steward/hidden"
STATUS_META = "io.steward/status"
STATUS_TOOL = "action_status"
READS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)

CallerOf = Callable[[], Principal]
"""Who calls. Raises Refused: nobody is signed in."""


def add_action_tools(
    server: MCPServer, runners: Sequence[ActionRunner], caller_of: CallerOf
) -> None:
    """Add the tools of all databases' actions. Nothing is added when there are none.

    Raises:
        BadSetup: two databases declare an action of the same name.
    """
    declared: set[str] = set()
    for runner in runners:
        for name, action in runner.actions.items():
            if name in declared:
                raise BadSetup(
                    f"Two databases declare an action {name}; each needs a name of its own."
                )
            declared.add(name)
            _add_action(server, runner, caller_of, name, action)
    if declared:
        _add_status(server, runners[0].ledger, caller_of)


def _add_status(server: MCPServer, ledger: Ledger, caller_of: CallerOf) -> None:
    @server.tool(
        name=STATUS_TOOL,
        title="Status of an action",
        annotations=READS,
        meta=needs(DB_READ) | {HIDDEN_META: True},
    )
    async def status(
        idempotency_key: Annotated[str, Field(min_length=1, max_length=200)],
    ) -> ActionStatus:
        """Whether an action was done under this key: for a caller whose answer was lost. Nothing is done."""
        return await ledger.status(caller_of(), idempotency_key)

    del status  # registered by its decorator


def _add_action(
    server: MCPServer, runner: ActionRunner, caller_of: CallerOf, name: str, action: Action
) -> None:
    preview_name = f"preview_{name}"
    annotations = ToolAnnotations(
        read_only_hint=False,
        destructive_hint=action.is_destructive,
        idempotent_hint=action.idempotent,
        open_world_hint=False,
    )
    server.add_tool(
        _with_parameters(partial(_do, runner, caller_of, name), action, ActionResult),
        name=name,
        title=action.title,
        description=_description(action),
        annotations=annotations,
        meta=needs(act(name)) | {PREVIEW_META: preview_name, STATUS_META: STATUS_TOOL},
    )
    server.add_tool(
        _with_parameters(partial(_show, runner, caller_of, name), action, ActionPreview),
        name=preview_name,
        title=f"Preview: {action.title}",
        description=f"What {name} would change with these arguments. Nothing is done.",
        annotations=READS,
        # It shows the rows that the action is about, to those who may do it.
        meta=needs(act(name)) | {HIDDEN_META: True},
    )


async def _do(
    runner: ActionRunner,
    caller_of: CallerOf,
    name: str,
    ctx: Context[Any, Any],
    arguments: dict[str, Any],
) -> ActionResult:
    meta: Mapping[str, Any] = dict(ctx.request_context.meta or {})
    key = meta.get(IDEMPOTENCY_META)
    return await runner.do(
        name, arguments, caller_of(), key if isinstance(key, str) and key else None
    )


async def _show(
    runner: ActionRunner,
    caller_of: CallerOf,
    name: str,
    _: Context[Any, Any],
    arguments: dict[str, Any],
) -> ActionPreview:
    return await runner.preview(name, arguments, caller_of())


def _with_parameters(
    work: Callable[[Context[Any, Any], dict[str, Any]], Awaitable[Any]],
    action: Action,
    result: type,
) -> Callable[..., Awaitable[Any]]:
    """A function whose signature is the action's parameters: the SDK makes the tool's schema from it."""

    async def tool(ctx: Context[Any, Any], **arguments: Any) -> Any:
        return await work(ctx, arguments)

    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=Context),
        *signature_of(action.parameters),
    ]
    tool.__signature__ = inspect.Signature(parameters, return_annotation=result)  # pyright: ignore[reportFunctionMemberAccess]
    tool.__annotations__ = {
        **{parameter.name: parameter.annotation for parameter in parameters},
        "return": result,
    }
    return tool


def _description(action: Action) -> str:
    """What the model reads: what it does, how much of it at once, and who may."""
    counts = [step.expected_rows for step in action.steps if action.counts_rows(step.sql)]
    rows = ", then ".join(count.in_words() for count in counts)
    touched = f" Touches {rows} rows of the database, or nothing at all." if counts else ""
    given = " Names must fit exactly one each." if action.lookups else ""
    return f"{action.description}{touched}{given} For the roles: {', '.join(action.roles)}."
