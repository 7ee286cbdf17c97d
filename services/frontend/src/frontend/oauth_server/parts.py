"""What the authorization server needs of its own, built once per process."""

from dataclasses import dataclass

from flask import current_app

from frontend.oauth_server.outside import Outside
from frontend.settings import Settings
from shared.rate_limit import RateLimit
from shared.sealed import Sealer

EXTENSION = "steward_agents"
SEAL = "agents' refresh tokens"


@dataclass(frozen=True, slots=True)
class AgentParts:
    """Everything long-lived."""

    outside: Outside
    sealer: Sealer
    asking: RateLimit
    """Consent pages, by person: each may make us read a document elsewhere."""
    requests: RateLimit
    """Requests of agents, by address."""
    registrations: RateLimit
    """Agents that register themselves, by address."""


def create_agent_parts(settings: Settings, secret: str) -> AgentParts:
    """Nothing is connected before the first request."""

    def limit(name: str, per_minute: int) -> RateLimit:
        return RateLimit(
            f"agents:{name}",
            per_minute=per_minute,
            burst=per_minute,
            redis_url=settings.redis_url,
        )

    return AgentParts(
        outside=Outside(tuple(settings.client_document_networks)),
        sealer=Sealer([secret], SEAL),
        asking=limit("asking", settings.agent_consents_a_minute),
        requests=limit("requests", settings.agent_requests_a_minute),
        registrations=limit("registrations", settings.agent_registrations_a_minute),
    )


def agent_parts() -> AgentParts:
    """Those of the application that handles this request."""
    found: AgentParts = current_app.extensions[EXTENSION]
    return found
