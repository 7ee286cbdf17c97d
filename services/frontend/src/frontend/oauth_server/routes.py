"""The consent page, and what agents ask (RFC 6749, 7009, 7591, 7662, 8414)."""

import math
import secrets
from collections.abc import Callable
from typing import Any, Literal, cast

from flask import Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import ValidationError
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from frontend.accounts.queries import Person
from frontend.accounts.security_events import SecurityEvent, record
from frontend.oauth_server import grants, known_clients, queries, redirect_uris, token_endpoints
from frontend.oauth_server.asked import Asked, Given, fields_of
from frontend.oauth_server.client_documents import ClientMetadata
from frontend.oauth_server.clients import (
    GRANT_TYPES,
    METHODS,
    SECRET_METHODS,
    Client,
    ClientKind,
    as_registered,
)
from frontend.oauth_server.consent import Question
from frontend.oauth_server.framework import Refused, UnknownClient
from frontend.oauth_server.grants import CodeGrant
from frontend.oauth_server.outside import CannotRead
from frontend.oauth_server.parts import agent_parts
from frontend.oauth_server.server import AgentServer
from frontend.parts import parts
from frontend.rights import ANYBODY, SIGNED_IN, Routes
from frontend.sign_in.sessions import required_person
from shared.errors import ExpectedError, NotFound, TooManyRequests
from shared.scopes import words_of
from shared.service_tokens import ALGORITHM

Decision = Literal["allow", "refuse"]

NO_REDIRECT = "We cannot send you back to it, because we do not know whether that would be safe."
MAX_REGISTRATION_BYTES = 16 * 1024
DYNAMIC_PREFIX = "agent-"

pages = Routes("agent_consent", rule=SIGNED_IN)
protocol = Routes("agent_protocol", rule=ANYBODY)


@pages.before_request
@protocol.before_request
def _only_with_tool_servers() -> None:
    if not parts().settings.resources:
        raise NotFound("There is nothing here.")


@pages.get("/oauth/authorize")
def authorize() -> ResponseReturnValue:
    """Ask the person, unless they have answered before."""
    return _authorize(None)


@pages.post("/oauth/authorize")
def decide() -> ResponseReturnValue:
    """The person's answer. The request stands in the address still, and is looked at as if it were new."""
    return _authorize("allow" if request.form.get("decision") == "allow" else "refuse")


def _authorize(decision: Decision | None) -> ResponseReturnValue:
    person = required_person()
    agent_parts().asking.take(person.person_id)
    try:
        asked = _asked(request.args)
        client = _client(asked.fields.get("client_id", ""))
        with parts().database.transaction() as transaction:
            server = _server(transaction, lambda _: client)
            answer = _answer(server, asked, client, decision)
    except Refused as error:
        return _told_here(error)
    _record(server, person)
    return answer


def _answer(
    server: AgentServer, asked: Asked, client: Client, decision: Decision | None
) -> ResponseReturnValue:
    """Raises Refused for what the client must not be told: there is no address that we know to be its own."""
    person = required_person()
    try:
        grant = cast(CodeGrant, server.get_consent_grant(asked, person))
    except Refused as error:
        if error.redirect_uri is None:
            raise
        return server.tell_client(asked, error)
    resource = asked.fields["resource"]
    known = queries.find_consent(server.session, person, client.client_id, resource)
    question = Question(
        client, asked.fields["redirect_uri"], resource, tuple(asked.scope.split()), known
    )
    if decision is None and not (
        question.is_settled and "consent" not in asked.fields.get("prompt", "").split()
    ):
        return _page(server.session, question)
    if decision == "refuse":
        return server.create_authorization_response(asked, None, grant)
    agreed = question.agreed(set(request.form.getlist("right")))
    if not agreed:
        return _page(server.session, question, problem="Leave at least one right, or refuse.")
    grant.rights = agreed
    grant.consent = queries.agree(
        server.session, person, client, resource, agreed, question.redirect_host, server.now
    )
    if decision is not None:
        server.note(SecurityEvent.AGENT_ALLOWED, grant.consent, rights=" ".join(agreed))
    return server.create_authorization_response(asked, person, grant)


def _page(session: Session, question: Question, problem: str | None = None) -> Response:
    person = required_person()
    page = render_template(
        "agent_consent.html",
        question=question,
        person=person,
        organisation=queries.tenant_name(session, person.tenant_id),
        server=parts().settings.resources[question.resource].name,
        words_of=words_of,
        problem=problem,
    )
    response = Response(page, status=422 if problem else 200)
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action {redirect_uris.form_targets(question.redirect_uri)}"
    )
    return response


def _client(client_id: str) -> Client:
    """Raises UnknownClient, with words for a person."""
    try:
        tenant_id = required_person().tenant_id
        client = known_clients.look_up(client_id, tenant_id) if client_id else None
    except CannotRead as error:
        raise UnknownClient(f"The address by which it names itself {error}.") from None
    if client is None:
        raise UnknownClient("It is not known here.")
    return client


def _told_here(error: Refused) -> ResponseReturnValue:
    """Nobody is sent to an address that was not verified (RFC 6749 section 4.1.2.1)."""
    record(
        SecurityEvent.AGENT_REFUSED,
        person=required_person(),
        error=str(error.error),
        client=request.args.get("client_id", ""),
    )
    text = f"{error.get_error_description()} {NO_REDIRECT}"
    page = render_template("error.html", title="This agent cannot be let in", text=text)
    return page, 400


@protocol.post("/oauth/token")
def token() -> ResponseReturnValue:
    return _exchange(lambda server, asked: server.create_token_response(asked))


@protocol.post("/oauth/revoke")
def revoke() -> ResponseReturnValue:
    return _exchange(lambda server, asked: server.create_endpoint_response("revocation", asked))


@protocol.post("/oauth/introspect")
def introspect() -> ResponseReturnValue:
    return _exchange(lambda server, asked: server.create_endpoint_response("introspection", asked))


def _exchange(answer: Callable[[AgentServer, Asked], Response]) -> Response:
    """One transaction: what a refused request has ended, stays ended."""
    agent_parts().requests.take(request.remote_addr or "unknown")
    with parts().database.transaction() as transaction:
        server = _server(transaction, _finder(transaction))
        try:
            response = answer(server, _asked(request.form))
        except Refused as error:
            response = server.handle_error_response(_nothing_asked(), error)
    _record(server)
    return response


@protocol.post("/oauth/register")
def register() -> ResponseReturnValue:
    """Dynamic client registration, for clients that know nothing better; off unless the settings say otherwise."""
    if not parts().settings.dynamic_registration:
        raise NotFound("There is nothing here.")
    agent_parts().registrations.take(request.remote_addr or "unknown")
    if (request.content_length or 0) > MAX_REGISTRATION_BYTES:
        return _not_registered("invalid_client_metadata", "The metadata is too long.")
    try:
        told = ClientMetadata.model_validate_json(request.get_data())
    except ValidationError as error:
        where = {str(one["loc"][0]) if one["loc"] else "" for one in error.errors()}
        return _not_registered(
            "invalid_redirect_uri" if "redirect_uris" in where else "invalid_client_metadata",
            "The metadata cannot be used: see RFC 7591 section 2.",
        )
    if problem := told.problem():
        return _not_registered("invalid_redirect_uri", problem)
    client = Client(
        f"{DYNAMIC_PREFIX}{secrets.token_urlsafe(18)}",
        ClientKind.DYNAMIC,
        told.name or "An agent without a name",
        tuple(told.redirect_uris),
    )
    now = parts().now()
    with parts().database.transaction() as transaction:
        queries.add_dynamic_client(transaction, client, now)
    record(SecurityEvent.AGENT_REGISTERED, client=client.client_id, name=client.name)
    return jsonify(as_registered(client, int(now.timestamp()))), 201


@protocol.get("/.well-known/oauth-authorization-server")
def metadata() -> ResponseReturnValue:
    return jsonify(_metadata())


@protocol.get("/.well-known/openid-configuration")
def openid_configuration() -> ResponseReturnValue:
    """The same for clients that look here only. They expect two fields on ID tokens, of which we issue none."""
    return jsonify(
        {
            **_metadata(),
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
        }
    )


def _metadata() -> dict[str, Any]:
    """RFC 8414 section 2, RFC 9207 section 3, and the draft on client documents."""
    settings = parts().settings
    at = settings.origin
    offered: dict[str, Any] = {
        "issuer": settings.issuer,
        "authorization_endpoint": f"{at}/oauth/authorize",
        "token_endpoint": f"{at}/oauth/token",
        "revocation_endpoint": f"{at}/oauth/revoke",
        "introspection_endpoint": f"{at}/oauth/introspect",
        "jwks_uri": f"{at}/.well-known/jwks.json",
        "scopes_supported": sorted(
            {scope for one in settings.resources.values() for scope in one.scopes}
        ),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": METHODS,
        "revocation_endpoint_auth_methods_supported": METHODS,
        "introspection_endpoint_auth_methods_supported": SECRET_METHODS,
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": settings.client_documents,
    }
    if settings.dynamic_registration:
        offered["registration_endpoint"] = f"{at}/oauth/register"
    return offered


@protocol.after_request
def _open_to_every_origin(response: Response) -> Response:
    """Agents that run in a browser ask from origins of their own; nothing here depends on cookies."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = (
            "Authorization, Content-Type, MCP-Protocol-Version"
        )
    return response


@protocol.errorhandler(ExpectedError)
def _expected(error: ExpectedError) -> ResponseReturnValue:
    """In the form that clients of OAuth read (RFC 6749 section 5.2)."""
    told = "temporarily_unavailable" if error.retryable else "invalid_request"
    headers: dict[str, str] = {}
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    return jsonify(error=told, error_description=error.message), error.status, headers


@protocol.errorhandler(HTTPException)
def _malformed(error: HTTPException) -> ResponseReturnValue:
    return jsonify(error="invalid_request", error_description=error.name), error.code or 400


def _not_registered(error: str, description: str) -> ResponseReturnValue:
    record(SecurityEvent.AGENT_REFUSED, error=error)
    return jsonify(error=error, error_description=description), 400


def _asked(given: Given) -> Asked:
    """Raises InvalidRequest."""
    return Asked(request.method, _public_url(), dict(request.headers), fields_of(given))


def _nothing_asked() -> Asked:
    return Asked(request.method, _public_url(), {}, {})


def _public_url() -> str:
    return f"{parts().settings.origin}{request.path}"


def _server(session: Session, find_client: Callable[[str], Client | None]) -> AgentServer:
    own = parts()
    server = AgentServer(
        own.settings, own.key, agent_parts().sealer, session, own.now(), find_client
    )
    grants.register(server)
    token_endpoints.register(server)
    return server


def _finder(session: Session) -> Callable[[str], Client | None]:
    """Nothing is read elsewhere here: who has a code or a token was known when it was given."""
    settings, now = parts().settings, parts().now()

    def find(client_id: str) -> Client | None:
        return known_clients.of_settings(settings, client_id) or known_clients.admitted(
            settings, queries.find_client(session, client_id, now)
        )

    return find


def _record(server: AgentServer, person: Person | None = None) -> None:
    """After the transaction: each is one of its own, for which SQLite has no room beside another."""
    for event in server.events:
        whose = event.consent
        record(
            event.kind,
            person=person,
            tenant_id=None if whose is None else whose.tenant_id,
            person_id=None if whose is None else whose.person_id,
            **event.facts,
        )
