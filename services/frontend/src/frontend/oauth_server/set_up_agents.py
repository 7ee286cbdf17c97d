"""The page on which administrators set up agents of other makers for the people of their organisation."""

import secrets

from flask import render_template, request
from flask.typing import ResponseReturnValue

from frontend.accounts.queries import Person
from frontend.accounts.roles import Role
from frontend.accounts.security_events import SecurityEvent, add_event
from frontend.oauth_server import queries, redirect_uris
from frontend.oauth_server.client_documents import MAX_NAME
from frontend.oauth_server.clients import Client, ClientKind, new_secret
from frontend.page_forms import done, text_field
from frontend.parts import parts
from frontend.rights import ADMINS, Routes
from frontend.sign_in.sessions import required_person
from frontend.tenants.queries import held_role, require_power_over
from shared.errors import Conflict, InvalidInput, NotAllowed

PAGE = "/admin/agents"
ID_PREFIX = "client-"
MAX_REDIRECTS_CHARACTERS = redirect_uris.MAX_URIS * (redirect_uris.MAX_CHARACTERS + 2)

routes = Routes("set_up_agents", rule=ADMINS)


@routes.get(PAGE)
def show() -> ResponseReturnValue:
    return _page()


@routes.post(PAGE)
def set_up() -> ResponseReturnValue:
    """Answers with the page itself and no redirect: a secret is shown there, and kept nowhere."""
    try:
        made, secret = _set_up(required_person())
    except (InvalidInput, NotAllowed, Conflict) as error:
        return _page(problem=error.message), error.status
    return _page(made=made, secret=secret), 201


@routes.post("/admin/agents/<client_id>/removal")
def remove(client_id: str) -> ResponseReturnValue:
    actor = required_person()
    words = "The agent is let in no more. What it holds ends within five minutes."
    return done(PAGE, lambda: _remove(actor, client_id), words)


def _set_up(actor: Person) -> tuple[Client, str]:
    """The agent and its secret, which is empty when it has none. Raises InvalidInput, NotAllowed, Conflict."""
    name, uris = _name(), _redirect_uris()
    secret, digest = new_secret() if request.form.get("kind") == "confidential" else ("", "")
    client = Client(
        f"{ID_PREFIX}{secrets.token_hex(12)}",
        ClientKind.REGISTERED,
        name,
        uris,
        digest,
        tenant_id=actor.tenant_id,
    )
    now = parts().now()
    with parts().database.transaction() as session:
        require_power_over(held_role(session, actor), Role.ADMIN)
        queries.set_up(session, client, now)
        facts = {"client": client.client_id, "name": name}
        add_event(session, SecurityEvent.AGENT_SET_UP, now, person=actor, **facts)
    return client, secret


def _remove(actor: Person, client_id: str) -> None:
    """Raises NotFound, NotAllowed."""
    now = parts().now()
    with parts().database.transaction() as session:
        require_power_over(held_role(session, actor), Role.ADMIN)
        removed = queries.remove_set_up(session, actor.tenant_id, client_id)
        facts = {"client": client_id, "name": removed.name}
        add_event(session, SecurityEvent.AGENT_NO_LONGER_SET_UP, now, person=actor, **facts)


def _name() -> str:
    name = text_field("name")
    if not name or not name.isprintable() or len(name) > MAX_NAME:
        raise InvalidInput(f"Give the agent a name of up to {MAX_NAME} characters.")
    return name


def _redirect_uris() -> tuple[str, ...]:
    typed = request.form.get("redirect_uris", "")
    if len(typed) > MAX_REDIRECTS_CHARACTERS:
        raise InvalidInput("These are too many redirect addresses.")
    found = tuple(dict.fromkeys(typed.split()))
    if not 1 <= len(found) <= redirect_uris.MAX_URIS:
        raise InvalidInput(f"Name 1 to {redirect_uris.MAX_URIS} redirect addresses, one a line.")
    for problem in map(redirect_uris.problem_with, found):
        if problem is not None:
            raise InvalidInput(problem)
    return found


def _page(*, problem: str | None = None, made: Client | None = None, secret: str = "") -> str:
    person = required_person()
    with parts().database.transaction() as session:
        clients = queries.list_set_up(session, person.tenant_id)
    return render_template(
        "set_up_agents.html",
        person=person,
        clients=clients,
        has_tool_servers=bool(parts().settings.resources),
        problem=problem,
        made=made,
        secret=secret,
    )
