"""Looks an agent up: in the settings, among those read or registered before, or at the address that is its id."""

import structlog

from frontend.accounts.security_events import SecurityEvent, record
from frontend.oauth_server import client_documents, queries
from frontend.oauth_server.clients import Client, ClientKind, registered
from frontend.oauth_server.outside import CannotRead
from frontend.oauth_server.parts import agent_parts
from frontend.oauth_server.queries import KnownClient
from frontend.parts import parts
from frontend.settings import Settings

log = structlog.get_logger()


def of_settings(settings: Settings, client_id: str) -> Client | None:
    """One that the administrators have set up."""
    told = settings.clients.get(client_id)
    return None if told is None else registered(client_id, told)


def admitted(settings: Settings, found: KnownClient | None) -> Client | None:
    """One that a tenant has set up, or that says itself who it is while such are let in."""
    if found is None:
        return None
    is_let_in = {
        ClientKind.REGISTERED: True,
        ClientKind.DOCUMENT: settings.client_documents,
        ClientKind.DYNAMIC: settings.dynamic_registration,
    }
    return found.client if is_let_in[found.client.kind] else None


def look_up(client_id: str, tenant_id: str) -> Client | None:
    """For the consent page of somebody in this tenant, where a document is read when it is new or old.

    None: unknown here.

    Raises:
        CannotRead: its document cannot be read or used.
    """
    settings, now = parts().settings, parts().now()
    client = of_settings(settings, client_id)
    if client is not None:
        return client
    with parts().database.transaction() as transaction:
        found = queries.find_client(transaction, client_id, now)
    if not client_documents.is_address(client_id):
        client = admitted(settings, found)
        return client if client is not None and client.tenant_id in {None, tenant_id} else None
    if not settings.client_documents:
        return None
    if found is not None and found.is_fresh:
        return found.client
    return _read(client_id)


def _read(client_id: str) -> Client:
    try:
        read = client_documents.read(agent_parts().outside, client_id)
    except CannotRead as error:
        record(SecurityEvent.AGENT_REFUSED, client=client_id, error=f"document {error}")
        raise
    with parts().database.transaction() as transaction:
        queries.keep_client(transaction, read.client, parts().now(), read.kept)
    log.info("agent_document_read", client=client_id)
    return read.client
