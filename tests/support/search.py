"""People who call the tools of mcp-search over the real protocol, in memory: real documents, and a web of its own."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

from mcp import Client
from mcp.client.session import ElicitationFnT
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult
from support.tool_calls import answer, call_tool, problem
from support.web_servers import FakeDns, FakeWeb, guard_of

from mcp_search.config import Config, Embeddings, Knowledge, Limits, Provider, Reranking, Web
from mcp_search.knowledge.ingestion.jobs import Pace
from mcp_search.knowledge.parsing.process import parse
from mcp_search.parts import Parts, make_parts
from mcp_search.server import build_server
from mcp_search.settings import Settings
from mcp_search.web.opening import OpenWeb, open_web
from shared.service_tokens import Principal

HOST = "https://host.example.org"
"""An issuer whose callers were asked by their host."""
ADA = Principal("ada", "acme", frozenset({"editor"}), name="Ada Lovelace")
BOB = Principal("bob", "acme", frozenset({"member"}), name="Bob")
EVE = Principal("eve", "rival", frozenset({"owner", "admin", "editor"}), name="Eve")
QUICK = Pace(poll_s=0.05, sweep_s=5.0)
SITE = "www.example.com"

Era = Literal["auto", "legacy"]
Answer = Callable[[str], ElicitResult]
"""What a person answers to a question's text."""


def says(*, delete: bool) -> Answer:
    return lambda _: ElicitResult(action="accept", content={"delete": delete})


def declines(_: str) -> ElicitResult:
    return ElicitResult(action="decline")


def closes(_: str) -> ElicitResult:
    return ElicitResult(action="cancel")


def of_host(person: Principal) -> Principal:
    """The same person, calling through a host that asks."""
    return replace(person, issuer=HOST)


@dataclass
class Desk:
    """A person who calls the tools."""

    client: Client
    parts: Parts
    questions: list[str]

    def sits_down(self, person: Principal) -> None:
        """From now on another person calls."""
        self.parts.local = person

    async def call(self, tool: str, arguments: Mapping[str, Any] | None = None) -> CallToolResult:
        return await call_tool(self.client, tool, arguments, None)

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return answer(await self.call(tool, arguments))

    async def refused(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return problem(await self.call(tool, arguments))

    async def adds(self, name: str, text: str, **arguments: Any) -> str:
        """A document that can be found when this returns; its id."""
        content = base64.b64encode(text.encode()).decode()
        added = await self.ask("kb_upload", name=name, content_base64=content, **arguments)
        return await self.settled(added["job_id"])

    async def settled(self, job_id: str) -> str:
        """When the work has ended well; the document's id."""
        async with asyncio.timeout(30):
            while (job := await self.ask("kb_job_status", job_id=job_id))["state"] != "ready":
                assert job["state"] in {"queued", "parsing", "embedding"}, job
                await asyncio.sleep(0.02)
        return job["document_id"]

    async def handbook(self) -> str:
        """A collection for everybody of the tenant; its id."""
        made = await self.parts.library.make_collection(ADA, "Handbook")
        return made.id


@asynccontextmanager
async def search_desk(
    folder: Path,
    *,
    person: Principal = ADA,
    web: FakeWeb | None = None,
    mode: Era = "auto",
    person_says: Answer | None = None,
    embeddings: Literal["builtin", "none"] = "none",
    reranking: Mapping[str, str] | None = None,
    limits: Mapping[str, int] | None = None,
    **settings: Any,
) -> AsyncGenerator[Desk]:
    """A server of its own. Without `person_says` the client cannot show questions."""
    known: dict[str, Any] = {"confirming_issuers": [HOST], **settings}
    chosen = Settings(data_dir=folder / "search", **known)
    config = _config(web, embeddings, reranking or {}, limits or {})
    opened = _web(config, web) if web is not None else None
    parts = make_parts(chosen, config, person, web=opened, pace=QUICK)
    questions: list[str] = []

    async def on_question(_: Any, params: ElicitRequestParams) -> ElicitResult:
        assert person_says is not None
        questions.append(params.message)
        return person_says(params.message)

    callback = cast("ElicitationFnT", on_question) if person_says else None
    async with Client(
        build_server(chosen, parts), mode=mode, elicitation_callback=callback
    ) as client:
        yield Desk(client, parts, questions)


def _config(
    web: FakeWeb | None,
    embeddings: str,
    reranking: Mapping[str, str],
    limits: Mapping[str, int],
) -> Config:
    """The tests' web has a SearXNG at this machine's address."""
    providers = (
        [Provider.model_validate({"kind": "searxng", "url": f"http://127.0.0.1:{web.port}"})]
        if web is not None
        else []
    )
    told = Embeddings.model_validate({"kind": embeddings})
    return Config(
        web=Web(providers=providers, robots="ignore"),
        knowledge=Knowledge(embeddings=told, reranking=Reranking.model_validate(reranking)),
        limits=Limits(**{"knowledge_a_minute": 10_000, **limits}),
    )


def _web(config: Config, web: FakeWeb) -> OpenWeb:
    return open_web(
        config.web,
        config.limits,
        partial(parse, limits=None),
        guard=guard_of(web),
        resolve=FakeDns(),
    )
