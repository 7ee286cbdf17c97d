"""Builds the orchestrator's HTTP application."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.metadata import version
from typing import Any

import structlog
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from orchestrator import http_errors
from orchestrator.audit import routes as audit_routes
from orchestrator.connections import routes as connection_routes
from orchestrator.conversations import routes as conversation_routes
from orchestrator.conversations import search_routes
from orchestrator.database import DatabaseAway
from orchestrator.deps import Caller
from orchestrator.grants import routes as grant_routes
from orchestrator.models.port import Model
from orchestrator.request_log import RequestLog
from orchestrator.resources import Resources, open_resources
from orchestrator.settings import Settings
from orchestrator.tools import knowledge_routes, mailbox_routes
from orchestrator.tools import routes as tool_routes
from orchestrator.tools.knowledge import KnowledgeBase
from orchestrator.tools.mailbox import MailboxReader
from orchestrator.tools.removal import ServerRemoval
from orchestrator.turns import (
    approval_routes,
    call_routes,
    export_routes,
    input_routes,
    keep_routes,
    path_routes,
    share_routes,
    sign_in_routes,
    tenant_routes,
)
from orchestrator.turns import routes as turn_routes
from shared import health
from shared.errors import NotAllowed
from shared.sql import utc_now
from shared.wire.api import About, PolicyInEffect, PolicyRule

MAX_BODY_BYTES = 2 * 1024 * 1024
MAY_READ_POLICY = frozenset({"owner", "admin"})

log = structlog.get_logger()


def create_app(
    settings: Settings, *, model: Model | None = None, now: Callable[[], datetime] = utc_now
) -> FastAPI:
    """The application. `model` and `now` replace the real ones where a test needs to hold them."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with open_resources(settings, model=model, now=now) as resources:
            _publish(app, resources)
            yield

    app = FastAPI(
        title="Steward orchestrator",
        version=version("orchestrator"),
        description="Conversations, turns, approvals and tools. Sign in with a bearer token (`make token`).",
        lifespan=lifespan,
        max_body_size=MAX_BODY_BYTES,
        responses=http_errors.RESPONSES,
    )
    http_errors.install(app)
    app.add_middleware(RequestLog)
    for routes in (
        conversation_routes,
        path_routes,
        search_routes,
        export_routes,
        share_routes,
        turn_routes,
        call_routes,
        approval_routes,
        input_routes,
        keep_routes,
        grant_routes,
        tool_routes,
        connection_routes,
        sign_in_routes,
        mailbox_routes,
        knowledge_routes,
        audit_routes,
        tenant_routes,
    ):
        app.include_router(routes.router)
    _add_about(app, settings)
    _add_policy(app, settings)
    _add_operations(app)
    return app


def _publish(app: FastAPI, resources: Resources) -> None:
    """Put each part where the layer that needs it looks for it."""
    app.state.resources = resources
    app.state.verifier = resources.verifier
    app.state.database = resources.parts.database
    app.state.catalogue = resources.parts.catalogue
    app.state.connections = resources.connections
    app.state.configured_servers = frozenset(resources.parts.catalogue.servers)
    app.state.policy = resources.parts.policy
    app.state.mailbox_reader = MailboxReader(resources.parts.catalogue)
    app.state.knowledge = KnowledgeBase(resources.parts.catalogue, resources.http)
    catalogue = resources.parts.catalogue
    app.state.server_removal = ServerRemoval(catalogue.servers, catalogue.issuer, resources.http)
    app.state.turn_parts = resources.parts
    app.state.runner = resources.runner
    app.state.now = resources.parts.now


def _add_about(app: FastAPI, settings: Settings) -> None:
    @app.get("/v1/about", tags=["about"])
    async def about(_: Caller) -> About:
        """Which model answers, and within which limits."""
        model = settings.model()
        return About(version=version("orchestrator"), model=model.model, is_demo=model.is_demo)


def _add_policy(app: FastAPI, settings: Settings) -> None:
    @app.get("/v1/policy", tags=["policy"])
    async def policy(caller: Caller) -> PolicyInEffect:
        """The rules that say which calls run, ask or are refused. For owners and admins."""
        if not caller.personal_roles & MAY_READ_POLICY:
            raise NotAllowed("Only an owner or an admin can read the policy.")
        resources: Resources = app.state.resources
        in_effect = resources.parts.policy
        return PolicyInEffect(
            sha256=in_effect.sha256,
            is_default=settings.policy_file is None,
            rules=[
                PolicyRule(
                    name=rule.name,
                    verdict=rule.verdict,
                    reason=rule.reason,
                    approver_roles=rule.approver_roles,
                    when=rule.when.as_json(),
                )
                for rule in in_effect.rules
            ],
        )


def _add_operations(app: FastAPI) -> None:
    @app.get("/live", tags=["operations"])
    async def live() -> dict[str, Any]:
        """The process runs."""
        return dict(health.LIVE)

    @app.get("/ready", tags=["operations"])
    async def ready() -> JSONResponse:
        """What the service cannot work without answers."""
        resources: Resources = app.state.resources
        status, body = health.readiness(
            {
                "database": await _database_problem(resources),
                "stream": await resources.stream_problem(),
            }
        )
        return JSONResponse(body, status_code=status)

    @app.get(
        "/metrics",
        tags=["operations"],
        response_class=Response,
        responses={200: {"description": "As text.", "content": {"text/plain": {}}}},
    )
    async def metrics() -> Response:
        """Prometheus metrics."""
        body, content_type = health.metrics()
        return Response(body, media_type=content_type)

    @app.get("/.well-known/jwks.json", tags=["operations"])
    async def jwks() -> dict[str, Any]:
        """The keys that verify our tokens for tool servers."""
        resources: Resources = app.state.resources
        return resources.key.public_jwks()


async def _database_problem(resources: Resources) -> str | None:
    try:
        async with resources.parts.database.reading() as session:
            await session.execute(text("SELECT 1 FROM turns LIMIT 1"))
    except (SQLAlchemyError, DatabaseAway):
        return "not reachable, or not migrated: run `orchestrator migrate`"
    return None
