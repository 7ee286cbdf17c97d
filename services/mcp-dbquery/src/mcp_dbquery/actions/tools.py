"""The tools of declared actions: one does each, a hidden one previews it, one more tells what was done."""

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, cast

from mcp.server import MCPServer
from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, Elicit, Resolve
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field, JsonValue

from mcp_dbquery.actions.file import Action
from mcp_dbquery.actions.ledger import Ledger
from mcp_dbquery.actions.runner import ActionRunner
from mcp_dbquery.databases import Database, Databases, person_key
from mcp_dbquery.errors import ActionRefused
from mcp_dbquery.parameters import signature_of
from mcp_dbquery.results import ActionPreview, ActionResult, ActionStatus
from shared.asking import AskedByHost, NobodyAsks, can_be_asked
from shared.errors import BadSetup
from shared.scopes import DB_READ, act, needs
from shared.service_tokens import Principal
from shared.untrusted.characters import clean_line

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
MAX_SHOWN = 300
"""Characters of each thing that a person is shown before they say yes."""
ANSWER = "personsAnswer"
"""Beside the parameters of an action, none of which can be called so."""


class Yes(BaseModel):
    """What a person answers."""

    do: bool = Field(description="Do this?")


@dataclass(frozen=True, slots=True)
class AlreadyDone:
    """It was done before under the same key, and is told again."""


NoQuestion = AskedByHost | NobodyAsks | AlreadyDone


@dataclass(frozen=True, slots=True)
class ActionTools:
    """Who does the declared actions, and whose callers are asked before."""

    databases: Databases
    caller_of: CallerOf
    agents_issuers: Collection[str]
    """Those that let other agents in: nobody has asked the person yet."""

    async def preview(
        self, name: str, _: Context[Any, Any], arguments: dict[str, Any]
    ) -> ActionPreview:
        caller, (database, runner) = self.caller_of(), self._of(name)
        async with database.quota.statement(person_key(caller)):
            return await runner.preview(name, arguments, caller)

    async def ask(
        self, name: str, ctx: Context[Any, Any], arguments: dict[str, Any]
    ) -> NoQuestion | Elicit[Yes]:
        """Where another agent's program can show a question, the person decides on what would be done.

        Where it cannot, what they agreed to when they let the agent in counts: this action, or all of them.
        """
        caller, key = self.caller_of(), _key(ctx)
        if caller.issuer not in self.agents_issuers:
            return AskedByHost()
        if not can_be_asked(ctx):
            return NobodyAsks()
        if key is not None and await self._of(name)[1].ledger.was_done(caller, key):
            return AlreadyDone()
        return Elicit(_question(await self.preview(name, ctx, arguments)), Yes)

    async def do(
        self, name: str, ctx: Context[Any, Any], arguments: dict[str, Any]
    ) -> ActionResult:
        _require_yes(arguments.pop(ANSWER))
        caller, (database, runner) = self.caller_of(), self._of(name)
        # An action looks up names and rows, and so does its preview: each counts as one statement of the person.
        async with database.quota.statement(person_key(caller)):
            return await runner.do(name, arguments, caller, _key(ctx))

    def _of(self, name: str) -> tuple[Database, ActionRunner]:
        database = self.databases.of_action(name)
        if database is None or database.actions is None:
            raise LookupError(name)
        return database, database.actions


def add_action_tools(server: MCPServer, tools: ActionTools) -> None:
    """Add the tools of all databases' actions. Nothing is added when there are none.

    Raises:
        BadSetup: two databases declare an action of the same name.
    """
    declared: set[str] = set()
    runners = tools.databases.runners
    for runner in runners:
        for name, action in runner.actions.items():
            if name in declared:
                raise BadSetup(
                    f"Two databases declare an action {name}; each needs a name of its own."
                )
            declared.add(name)
            _add_action(server, tools, name, action)
    if declared:
        _add_status(server, runners[0].ledger, tools.caller_of)


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


def _add_action(server: MCPServer, tools: ActionTools, name: str, action: Action) -> None:
    preview_name = f"preview_{name}"
    annotations = ToolAnnotations(
        read_only_hint=False,
        destructive_hint=action.is_destructive,
        idempotent_hint=action.idempotent,
        open_world_hint=False,
    )
    ask = _with_parameters(partial(tools.ask, name), action, NoQuestion | Elicit[Yes])
    answer = Annotated[ElicitationResult[Yes], Resolve(ask)]
    server.add_tool(
        _with_parameters(partial(tools.do, name), action, ActionResult, **{ANSWER: answer}),
        name=name,
        title=action.title,
        description=_description(action),
        annotations=annotations,
        meta=needs(act(name)) | {PREVIEW_META: preview_name, STATUS_META: STATUS_TOOL},
    )
    server.add_tool(
        _with_parameters(partial(tools.preview, name), action, ActionPreview),
        name=preview_name,
        title=f"Preview: {action.title}",
        description=f"What {name} would change with these arguments. Nothing is done.",
        annotations=READS,
        # It shows the rows that the action is about, to those who may do it.
        meta=needs(act(name)) | {HIDDEN_META: True},
    )


def _key(ctx: Context[Any, Any]) -> str | None:
    meta: Mapping[str, Any] = dict(ctx.request_context.meta or {})
    key = meta.get(IDEMPOTENCY_META)
    return key if isinstance(key, str) and key else None


def _question(preview: ActionPreview) -> str:
    """What would be done, for a person who decides on it. No value can pass for a line of its own."""
    changes = [
        f"{one.item}, {one.field}: {_shown(one.old)} → {_shown(one.new)}" for one in preview.changes
    ]
    lines = [clean_line(line, MAX_SHOWN) for line in (preview.summary, *changes)]
    return "\n".join(["Do this in the database?", "", *lines])


def _shown(value: JsonValue) -> str:
    return "nothing" if value is None else str(value)


def _require_yes(answer: ElicitationResult[Yes]) -> None:
    """Raises ActionRefused: the person was asked and did not agree."""
    given = cast("object", answer.data) if isinstance(answer, AcceptedElicitation) else None
    if isinstance(given, NoQuestion):
        return
    if not isinstance(given, Yes) or not given.do:
        raise ActionRefused(
            "Nothing was changed: the person did not say yes.", hint="Do not try again."
        )


def _with_parameters(
    work: Callable[[Context[Any, Any], dict[str, Any]], Awaitable[Any]],
    action: Action,
    result: Any,
    **more: Any,
) -> Callable[..., Awaitable[Any]]:
    """A function whose signature is the action's parameters and more: the SDK makes the tool's schema from it."""

    async def tool(ctx: Context[Any, Any], **arguments: Any) -> Any:
        return await work(ctx, arguments)

    own = {"ctx": Context, **more}
    parameters = [
        *(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation)
            for name, annotation in own.items()
        ),
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
