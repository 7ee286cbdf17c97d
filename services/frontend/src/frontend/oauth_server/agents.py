"""The page of connected agents: what people allowed them, and how to take it back."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from frontend.accounts.security_events import SecurityEvent, record
from frontend.oauth_server import queries, redirect_uris
from frontend.oauth_server.queries import Agent
from frontend.parts import parts
from frontend.rights import ADMINS, SIGNED_IN, Routes
from frontend.sign_in.sessions import required_person
from shared.scopes import words_of

routes = Routes("agents", rule=SIGNED_IN)


@routes.get("/agents")
def agents() -> ResponseReturnValue:
    """One's own; administrators see everybody's in their tenant."""
    person = required_person()
    with parts().database.transaction() as transaction:
        found = queries.list_agents(transaction, person, of_all=ADMINS.admits(person))
    own = [one for one in found if one.consent.person_id == person.person_id]
    return render_template(
        "agents.html",
        person=person,
        own=own,
        others=[one for one in found if one not in own],
        resources=parts().settings.resources,
        server_name=_server_name,
        host_of=_host_of,
        words_of=words_of,
    )


@routes.post("/agents/<consent_id>/remove")
def remove(consent_id: str) -> ResponseReturnValue:
    """Its tokens are good for nothing from now on, but for access tokens of the last five minutes."""
    person = required_person()
    with parts().database.transaction() as transaction:
        removed = queries.remove_agent(
            transaction, person, consent_id, of_all=ADMINS.admits(person)
        )
    record(
        SecurityEvent.AGENT_REMOVED,
        person=person,
        client=removed.client_id,
        server=removed.resource,
        of=removed.person_id,
    )
    return redirect(url_for("agents.agents"))


def _server_name(resource: str) -> str:
    """A tool server that is set up no more is named by its address."""
    known = parts().settings.resources.get(resource)
    return resource if known is None else known.name


def _host_of(agent: Agent) -> str:
    """Where an agent with a document is; empty for others."""
    return redirect_uris.host_of(agent.consent.client_id) if agent.is_document else ""
