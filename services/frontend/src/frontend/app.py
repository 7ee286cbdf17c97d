"""Builds the frontend's application and its sockets."""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast

import socketio
import structlog
from flask import Flask, request
from flask_session import Session
from flask_socketio import SocketIO
from flask_wtf import CSRFProtect

from frontend import failures, operations, security
from frontend.accounts.passwords import Passwords, RunInThread, run_here
from frontend.chat import api, pages
from frontend.chat.socket import Sockets
from frontend.database import Database, utc_now
from frontend.orchestrator import Orchestrator
from frontend.parts import Parts
from frontend.settings import Settings
from frontend.sign_in import routes as sign_in
from shared.rate_limit import RateLimit
from shared.redis_clients import blocking_command_client
from shared.service_tokens import SigningKey, TokenIssuer

MAX_BODY_BYTES = 1024 * 1024
MAX_MESSAGE_BYTES = 1024 * 1024
MAX_REDIS_CONNECTIONS = 5_000
ADDRESS_FACTOR = 10

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Application:
    """The Flask application and its sockets."""

    flask: Flask
    sockets: SocketIO


def create_app(
    settings: Settings,
    *,
    run_in_thread: RunInThread = run_here,
    async_mode: Literal["gevent", "threading"] = "gevent",
    now: Callable[[], datetime] = utc_now,
) -> Application:
    """Build everything. Nothing is connected before the first request."""
    build_id = _build_id()
    app = Flask(__name__, static_url_path=f"/static/{build_id}")
    _configure(app, settings, build_id)
    sockets = SocketIO()
    parts = _create_parts(settings, run_in_thread, now)
    app.extensions["steward"] = parts
    app.config["SESSION_REDIS"] = parts.redis
    Session(app)
    CSRFProtect(app)
    _init_sockets(app, sockets, settings, async_mode)
    handlers = Sockets(sockets, parts)
    app.extensions["steward_end_session"] = handlers.end_session
    app.extensions["steward_emit"] = handlers.emit
    security.install(app, origin=settings.origin, is_https=settings.is_https)
    failures.install(app)
    for feature in (operations, sign_in, pages, api):
        app.register_blueprint(feature.routes)
    app.before_request(_bind_request_id)
    return Application(app, sockets)


def _configure(app: Flask, settings: Settings, build_id: str) -> None:
    config = cast("dict[str, Any]", app.config)
    config.update(
        SECRET_KEY=settings.secret_key_file.read_text().strip(),
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        PERMANENT_SESSION_LIFETIME=timedelta(days=settings.session_days),
        SESSION_TYPE="redis",
        SESSION_COOKIE_NAME="steward",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_https,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        WTF_CSRF_SSL_STRICT=False,  # the Origin is checked by SameSite and by the token itself
    )
    cast("dict[str, Any]", app.jinja_env.globals)["build_id"] = build_id


def _create_parts(
    settings: Settings, run_in_thread: RunInThread, now: Callable[[], datetime]
) -> Parts:
    key = SigningKey.load(settings.key_file)
    per_minute, burst = settings.sign_in_attempts_a_minute, settings.sign_in_burst

    return Parts(
        settings=settings,
        database=Database(settings.database_url),
        redis=blocking_command_client(settings.redis_url),
        key=key,
        orchestrator=Orchestrator(
            str(settings.orchestrator_url).rstrip("/"),
            TokenIssuer(settings.issuer, key),
            settings.relay_patience_s,
        ),
        passwords=Passwords(run_in_thread),
        account_limit=RateLimit("sign-in:account", per_minute, burst, settings.redis_url),
        address_limit=RateLimit(
            "sign-in:address",
            per_minute * ADDRESS_FACTOR,
            burst * ADDRESS_FACTOR,
            settings.redis_url,
        ),
        now=now,
    )


def _init_sockets(
    app: Flask, sockets: SocketIO, settings: Settings, async_mode: Literal["gevent", "threading"]
) -> None:
    manager = socketio.RedisManager(
        settings.redis_url,
        channel="steward",
        # The library's defaults lose broadcasts: 100 connections and a read timeout of 5 s.
        redis_options={
            "max_connections": MAX_REDIS_CONNECTIONS,
            "socket_timeout": None,
            "health_check_interval": 30,
        },
    )
    options: dict[str, Any] = {"transports": ["websocket"]}
    sockets.init_app(
        app,
        async_mode=async_mode,
        client_manager=manager,
        manage_session=False,
        cors_allowed_origins=_origins(settings),
        **options,
        max_http_buffer_size=MAX_MESSAGE_BYTES,
        ping_interval=25,
        ping_timeout=20,
    )


def _origins(settings: Settings) -> list[str]:
    """Where pages that open a socket may come from: our own address, by either of its local names."""
    origin = settings.origin
    return sorted(
        {
            origin,
            origin.replace("//127.0.0.1", "//localhost"),
            origin.replace("//localhost", "//127.0.0.1"),
        }
    )


def _build_id() -> str:
    """Changes with any static file, so that each release's files have addresses of their own."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(STATIC).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _bind_request_id() -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        service="frontend", request_id=uuid.uuid4().hex, path=request.path
    )
