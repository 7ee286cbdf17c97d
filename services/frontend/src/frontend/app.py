"""Builds the frontend's application and its sockets."""

import hashlib
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast

import socketio
import structlog
from flask import Flask, request
from flask.json.provider import DefaultJSONProvider
from flask_socketio import SocketIO
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from frontend import api_document, failures, menu, operations, rights, security
from frontend.accounts.passwords import Passwords, RunInThread, run_here
from frontend.api_keys import api as api_keys_api
from frontend.api_keys import routes as api_keys
from frontend.api_sessions import routes as api_sessions
from frontend.bearer import has_bearer
from frontend.chat import api, knowledge_api, pages, shared_page
from frontend.chat.socket import Sockets
from frontend.connections import routes as connections
from frontend.database import Database
from frontend.json_api import HexId
from frontend.mail import make_mailer
from frontend.oauth_server import agents, set_up_agents
from frontend.oauth_server import parts as agent_parts
from frontend.oauth_server import routes as oauth_server
from frontend.orchestrator import Orchestrator
from frontend.parts import Parts, RunLater
from frontend.people import api as people_api
from frontend.people import routes as people
from frontend.settings import Settings
from frontend.sign_in import (
    account,
    back_channel,
    mail_link_pages,
    registration,
    second_factor,
    second_factor_setup,
    with_provider,
)
from frontend.sign_in import routes as sign_in
from frontend.sign_in.attempts import Attempts, Backoff
from frontend.sign_in.providers import Providers
from frontend.sign_in.sessions import STORE_PREFIX, SessionStore
from frontend.tenants import api as tenants_api
from frontend.tenants import invitation_routes
from frontend.tenants import routes as tenants
from shared.key_file import KeyFile
from shared.rate_limit import RateLimit
from shared.redis_clients import blocking_command_client
from shared.sealed import Sealer
from shared.service_tokens import TokenIssuer
from shared.sql import utc_now

MAX_BODY_BYTES = 1024 * 1024
MAX_MESSAGE_BYTES = 1024 * 1024
MAX_REDIS_CONNECTIONS = 5_000
MIN_SECRET_CHARACTERS = 32
ADDRESS_FACTOR = 10
LONGEST_WAIT_S = 3_600
"""Between two guesses from one place, after many."""
LOGOUTS_A_MINUTE = 1_000

SIGN_IN_FEATURES = (
    sign_in,
    second_factor,
    with_provider,
    registration,
    mail_link_pages,
    back_channel,
    account,
    second_factor_setup,
)
FEATURES = (
    operations,
    *SIGN_IN_FEATURES,
    pages,
    shared_page,
    api,
    knowledge_api,
    tenants,
    invitation_routes,
    tenants_api,
    people,
    people_api,
    api_keys,
    api_keys_api,
    api_sessions,
    api_document,
    agents,
    set_up_agents,
    connections,
)

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Application:
    """The Flask application, who handles its sockets, and what both are made of."""

    flask: Flask
    sockets: Sockets
    parts: Parts


class CsrfOfCookies(CSRFProtect):
    """Asks for the page's token wherever a cookie says who is asking, or could be set."""

    def protect(self, apply_exemptions: bool = False) -> None:
        if not has_bearer() and request.blueprint != api_sessions.routes.name:
            super().protect(apply_exemptions)


def create_app(
    settings: Settings,
    *,
    run_in_thread: RunInThread = run_here,
    async_mode: Literal["gevent", "threading"] = "gevent",
    now: Callable[[], datetime] = utc_now,
    run_later: RunLater = run_here,
) -> Application:
    """Build everything. Nothing is connected before the first request.

    Raises:
        BadSetup: a file or a secret that the settings name is not there, or not as it must be.
    """
    build_id = _build_id()
    app = Flask(__name__, static_url_path=f"/static/{build_id}")
    _configure(app, settings, build_id)
    parts = _create_parts(app, settings, run_in_thread, now, run_later)
    app.extensions["steward"] = parts
    app.extensions[agent_parts.EXTENSION] = agent_parts.create_agent_parts(
        settings, _secret_key(settings)
    )
    app.session_interface = SessionStore(app, client=parts.redis, key_prefix=STORE_PREFIX)
    app.url_map.converters["hex"] = HexId
    app.before_request(_bind_request_id)
    rights.install(app)
    csrf = cast(Any, CsrfOfCookies(app))
    # Agents and providers send no cookies, and their requests no tokens of our pages.
    for foreign in (oauth_server.protocol, back_channel.routes):
        csrf.exempt(foreign)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0)
    sockets = Sockets(_socket_server(app, settings, async_mode), app, parts)
    app.extensions["steward_end_session"] = sockets.end_session
    app.extensions["steward_emit"] = sockets.emit
    security.install(app, origins=settings.origins, is_https=settings.is_https)
    failures.install(app)
    menu.install(app)
    for feature in FEATURES:
        app.register_blueprint(feature.routes)
    for own in (oauth_server.pages, oauth_server.protocol):
        app.register_blueprint(own)
    return Application(app, sockets, parts)


def _configure(app: Flask, settings: Settings, build_id: str) -> None:
    config = cast("dict[str, Any]", app.config)
    config.update(
        SECRET_KEY=_secret_key(settings),
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        PERMANENT_SESSION_LIFETIME=timedelta(days=settings.session_days),
        # Written when it changes only: a request that is under way while somebody signs out would bring it back.
        SESSION_REFRESH_EACH_REQUEST=False,
        SESSION_COOKIE_NAME="steward",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_https,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        WTF_CSRF_SSL_STRICT=False,  # the Origin is checked by SameSite and by the token itself
    )
    # The order of a call's arguments is the model's, and people read them in it.
    cast(DefaultJSONProvider, app.json).sort_keys = False
    cast("dict[str, Any]", app.jinja_env.globals)["build_id"] = build_id


def _create_parts(
    app: Flask,
    settings: Settings,
    run_in_thread: RunInThread,
    now: Callable[[], datetime],
    run_later: RunLater,
) -> Parts:
    key = KeyFile(settings.key_file, lambda: now().timestamp())
    redis = blocking_command_client(settings.redis_url)

    def limit(name: str, per_minute: int, burst: int | None = None) -> RateLimit:
        return RateLimit(
            name, per_minute=per_minute, burst=burst or per_minute, redis_url=settings.redis_url
        )

    def attempts(name: str, *, here: int, elsewhere: int) -> Attempts:
        return Attempts(
            here=Backoff(redis, f"{name}:here", here, LONGEST_WAIT_S),
            elsewhere=Backoff(redis, f"{name}:elsewhere", elsewhere, LONGEST_WAIT_S),
            limit=limit(
                f"sign-in:{name}", settings.sign_in_attempts_a_minute, settings.sign_in_burst
            ),
        )

    def run_later_in_app(work: Callable[[], None]) -> None:
        def run() -> None:
            with app.app_context():
                work()

        run_later(run)

    return Parts(
        settings=settings,
        database=Database(settings.database_url),
        redis=redis,
        key=key,
        orchestrator=Orchestrator(
            str(settings.orchestrator_url).rstrip("/"),
            TokenIssuer(settings.issuer, key),
            settings.relay_patience_s,
        ),
        passwords=Passwords(run_in_thread),
        mailer=make_mailer(settings),
        sealer=Sealer([_secret_key(settings)], "second-factors"),
        providers=Providers(settings, app),
        password_attempts=attempts("account", here=10, elsewhere=100),
        code_attempts=attempts("code", here=5, elsewhere=10),
        address_limit=limit(
            "sign-in:address",
            settings.sign_in_attempts_a_minute * ADDRESS_FACTOR,
            settings.sign_in_burst * ADDRESS_FACTOR,
        ),
        invitation_limit=limit("invitation", settings.invitations_a_minute),
        mail_limit=RateLimit(
            "mail",
            per_hour=settings.mails_an_hour,
            burst=settings.mails_an_hour,
            redis_url=settings.redis_url,
        ),
        logout_limit=limit("logout", LOGOUTS_A_MINUTE),
        shared_limit=limit("shared", settings.shared_reads_a_minute),
        run_later=run_later_in_app,
        now=now,
    )


def _secret_key(settings: Settings) -> str:
    """Raises ValueError when the file holds nothing that would keep a secret."""
    key = settings.secret_key_file.read_text().strip()
    if len(key) < MIN_SECRET_CHARACTERS:
        raise ValueError(
            f"{settings.secret_key_file} needs at least {MIN_SECRET_CHARACTERS} random characters."
        )
    return key


def _socket_server(
    app: Flask, settings: Settings, async_mode: Literal["gevent", "threading"]
) -> Any:
    manager = socketio.RedisManager(
        settings.redis_url,
        channel="steward",
        # The library's defaults lose broadcasts: 100 connections and a read timeout of 5 s.
        redis_options={
            "max_connections": MAX_REDIS_CONNECTIONS,
            "socket_timeout": None,
            "socket_connect_timeout": 5,
            "health_check_interval": 30,
        },
    )
    # Ours, because the library's own writes beside the log, too; and it notes every packet at INFO.
    logger = logging.getLogger("frontend.sockets")
    logger.setLevel(logging.WARNING)
    options: dict[str, Any] = {"transports": ["websocket"]}
    sockets: Any = SocketIO(
        app,
        async_mode=async_mode,
        client_manager=manager,
        cors_allowed_origins=settings.origins,
        max_http_buffer_size=MAX_MESSAGE_BYTES,
        ping_interval=25,
        ping_timeout=20,
        logger=logger,
        engineio_logger=logger,
        **options,
    )
    return sockets.server


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
        # The rule and not the path: a sign-in link's path is a secret.
        service="frontend",
        request_id=uuid.uuid4().hex,
        route=request.url_rule.rule if request.url_rule else None,
    )
