"""Every statement on agents, consents, codes and refresh tokens."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, delete, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from frontend.accounts.models import PersonRow, TenantRow
from frontend.accounts.queries import Person, find_person
from frontend.oauth_server import rights as rules
from frontend.oauth_server.clients import Client, ClientKind
from frontend.oauth_server.models import ClientRow, CodeRow, ConsentRow, RefreshTokenRow
from shared.errors import Conflict, NotFound

USED_CODES_KEPT = timedelta(days=1)
"""So that a code which comes again is known for what it is."""
UNUSED_CLIENTS_KEPT = timedelta(days=1)
"""An agent that registered itself and that nobody let in is forgotten."""
MAX_DYNAMIC_CLIENTS = 10_000
MAX_SET_UP = 100
"""Agents of one tenant."""
MAX_LISTED = 1_000

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class KnownClient:
    """An agent that says itself who it is, as it was read last."""

    client: Client
    is_fresh: bool


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person allowed an agent at a tool server."""

    consent_id: str
    tenant_id: str
    person_id: str
    client_id: str
    client_name: str
    resource: str
    rights: tuple[str, ...]
    redirect_hosts: tuple[str, ...]
    agreed_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredCode:
    """A code that was redeemed just now. Names are those that Authlib reads."""

    consent: Consent
    family_id: str
    redirect_uri: str
    code_challenge: str
    rights: tuple[str, ...]
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return " ".join(self.rights)


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A refresh token."""

    token_hash: str
    consent: Consent
    family_id: str
    rights: tuple[str, ...]
    used_at: datetime | None
    successor: str | None

    def get_scope(self) -> str:
        return " ".join(self.rights)

    def check_client(self, client: Client) -> bool:
        return client.client_id == self.consent.client_id


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What became of an attempt to redeem a code."""

    code: StoredCode | None = None
    replayed: Consent | None = None
    """Whose code it was, when it had been redeemed before."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A connected agent, for the page."""

    consent: Consent
    person_name: str
    is_document: bool


def find_client(session: Session, client_id: str, now: datetime) -> KnownClient | None:
    row = session.get(ClientRow, client_id)
    if row is None:
        return None
    return KnownClient(_client(row), row.fresh_until is None or row.fresh_until > now)


def list_set_up(session: Session, tenant_id: str) -> list[Client]:
    """The agents that a tenant's administrators have set up, by name."""
    statement = (
        select(ClientRow)
        .where(ClientRow.tenant_id == tenant_id)
        .order_by(func.lower(ClientRow.name), ClientRow.client_id)
        .limit(MAX_SET_UP)
    )
    return [_client(row) for row in session.scalars(statement)]


def set_up(session: Session, client: Client, now: datetime) -> None:
    """Add an agent of a tenant, which the caller holds. Raises Conflict: it has too many."""
    counted = select(func.count()).where(ClientRow.tenant_id == client.tenant_id)
    if (session.scalar(counted) or 0) >= MAX_SET_UP:
        raise Conflict(f"An organisation can set up {MAX_SET_UP} agents. Remove one first.")
    keep_client(session, client, now, None)


def remove_set_up(session: Session, tenant_id: str, client_id: str) -> Client:
    """Forget an agent of a tenant, with all that its people allowed it. Raises NotFound."""
    is_it = (ClientRow.client_id == client_id, ClientRow.tenant_id == tenant_id)
    row = _fresh(session, select(ClientRow).where(*is_it))
    if row is None:
        raise NotFound("This agent is not set up any more.")
    removed = _client(row)
    session.execute(delete(ClientRow).where(*is_it))
    session.execute(delete(ConsentRow).where(ConsentRow.client_id == client_id))
    return removed


def keep_client(session: Session, client: Client, now: datetime, kept: timedelta | None) -> None:
    """Remember an agent as it describes itself now. `kept` None: it need not be asked again."""
    values: dict[str, Any] = {
        "kind": client.kind.value,
        "name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "tenant_id": client.tenant_id,
        "secret_sha256": client.secret_sha256,
        "read_at": now,
        "fresh_until": None if kept is None else now + kept,
    }
    known = ClientRow.client_id == client.client_id
    changed = update(ClientRow).where(known).values(values).returning(ClientRow.client_id)
    if session.scalar(changed) is not None:
        return
    try:
        with session.begin_nested():
            session.execute(insert(ClientRow).values(client_id=client.client_id, **values))
    except IntegrityError:  # another replica read it at the same time
        session.execute(update(ClientRow).where(known).values(values))


def add_dynamic_client(session: Session, client: Client, now: datetime) -> None:
    """Raises Conflict when too many have registered."""
    is_dynamic = ClientRow.kind == ClientKind.DYNAMIC.value
    is_used = exists().where(ConsentRow.client_id == ClientRow.client_id)
    session.execute(
        delete(ClientRow).where(is_dynamic, ClientRow.read_at < now - UNUSED_CLIENTS_KEPT, ~is_used)
    )
    registered = session.scalar(select(func.count()).select_from(ClientRow).where(is_dynamic)) or 0
    if registered >= MAX_DYNAMIC_CLIENTS:
        raise Conflict("Too many agents have registered. Try again tomorrow.")
    keep_client(session, client, now, None)


def find_consent(session: Session, person: Person, client_id: str, resource: str) -> Consent | None:
    row = _fresh(
        session,
        select(ConsentRow).where(
            ConsentRow.tenant_id == person.tenant_id,
            ConsentRow.person_id == person.person_id,
            ConsentRow.client_id == client_id,
            ConsentRow.resource == resource,
        ),
    )
    return None if row is None else _consent(row)


def agree(
    session: Session,
    person: Person,
    client: Client,
    resource: str,
    given: Sequence[str],
    redirect_host: str,
    now: datetime,
) -> Consent:
    """Add to what the person allows this agent there, and say what that is now."""
    consent_id = _consent_id(session, person, client, resource, now)
    _lock(session, consent_id)
    known = get_consent(session, consent_id)
    session.execute(
        update(ConsentRow)
        .where(ConsentRow.consent_id == consent_id)
        .values(
            client_name=client.name,
            rights=list(rules.joined(known.rights, given)),
            redirect_hosts=sorted({*known.redirect_hosts, redirect_host}),
        )
    )
    return get_consent(session, consent_id)


def _consent_id(
    session: Session, person: Person, client: Client, resource: str, now: datetime
) -> str:
    known = find_consent(session, person, client.client_id, resource)
    if known is not None:
        return known.consent_id
    consent_id = uuid.uuid4().hex
    values: dict[str, Any] = {
        "consent_id": consent_id,
        "tenant_id": person.tenant_id,
        "person_id": person.person_id,
        "client_id": client.client_id,
        "client_name": client.name,
        "resource": resource,
        "rights": [],
        "redirect_hosts": [],
        "agreed_at": now,
    }
    try:
        with session.begin_nested():
            session.execute(insert(ConsentRow).values(values))
    except IntegrityError:  # in another tab, at the same moment; or the person has left the tenant
        known = find_consent(session, person, client.client_id, resource)
        if known is None:
            raise NotFound("You are not in this organisation any more.") from None
        return known.consent_id
    return consent_id


def get_consent(session: Session, consent_id: str) -> Consent:
    """Raises NotFound."""
    row = _fresh(session, select(ConsentRow).where(ConsentRow.consent_id == consent_id))
    if row is None:
        raise NotFound("This agent is not connected any more.")
    return _consent(row)


def person_of(session: Session, consent: Consent) -> Person | None:
    """Whom a consent speaks for; None when they may not, or are not in the tenant, or the tenant is closing."""
    person = find_person(session, consent.person_id, consent.tenant_id)
    if person is None or person.tenant_id != consent.tenant_id:
        return None
    is_open = select(TenantRow.tenant_id).where(
        TenantRow.tenant_id == consent.tenant_id, TenantRow.delete_after.is_(None)
    )
    return person if session.scalar(is_open) else None


def tenant_name(session: Session, tenant_id: str) -> str:
    return session.scalar(select(TenantRow.name).where(TenantRow.tenant_id == tenant_id)) or ""


def list_agents(session: Session, person: Person, *, of_all: bool) -> list[Agent]:
    """The person's own, or everybody's in the tenant; the newest first."""
    statement = (
        select(ConsentRow, PersonRow.name, ClientRow.kind)
        .join(PersonRow, PersonRow.person_id == ConsentRow.person_id)
        .outerjoin(ClientRow, ClientRow.client_id == ConsentRow.client_id)
        .where(*_visible_to(person, of_all=of_all))
        .order_by(ConsentRow.agreed_at.desc(), ConsentRow.consent_id)
        .limit(MAX_LISTED)
    )
    return [
        Agent(_consent(consent), name, kind == ClientKind.DOCUMENT.value)
        for consent, name, kind in session.execute(statement)
    ]


def remove_agent(session: Session, person: Person, consent_id: str, *, of_all: bool) -> Consent:
    """End what an agent may do, with all its tokens. Raises NotFound."""
    found = select(ConsentRow).where(
        ConsentRow.consent_id == consent_id, *_visible_to(person, of_all=of_all)
    )
    row = _fresh(session, found)
    if row is None:
        raise NotFound("This agent is not connected any more.")
    removed = _consent(row)
    session.execute(delete(ConsentRow).where(ConsentRow.consent_id == consent_id))
    return removed


def remove_agents_of(session: Session, person_id: str) -> None:
    """All that a person let in, in whatever tenant."""
    session.execute(delete(ConsentRow).where(ConsentRow.person_id == person_id))


def _visible_to(person: Person, *, of_all: bool) -> list[ColumnElement[bool]]:
    in_tenant = ConsentRow.tenant_id == person.tenant_id
    return [in_tenant] if of_all else [in_tenant, ConsentRow.person_id == person.person_id]


def add_code(
    session: Session,
    code_hash: str,
    consent: Consent,
    redirect_uri: str,
    code_challenge: str,
    rights: Sequence[str],
    now: datetime,
    expires_at: datetime,
) -> None:
    """Also forgets codes and refresh tokens whose time is long over."""
    session.execute(delete(CodeRow).where(CodeRow.expires_at < now - USED_CODES_KEPT))
    session.execute(delete(RefreshTokenRow).where(RefreshTokenRow.expires_at < now))
    session.execute(
        insert(CodeRow).values(
            code_hash=code_hash,
            consent_id=consent.consent_id,
            family_id=uuid.uuid4().hex,
            redirect_uri=redirect_uri,
            code_challenge=code_challenge,
            rights=list(rights),
            expires_at=expires_at,
        )
    )


def redeem_code(session: Session, code_hash: str, client_id: str, now: datetime) -> Redeemed:
    """Use a code up. Of two requests at once one gets it; what came of it is ended when it comes again."""
    is_it = (
        CodeRow.code_hash == code_hash,
        CodeRow.consent_id.in_(
            select(ConsentRow.consent_id).where(ConsentRow.client_id == client_id)
        ),
    )
    used = session.execute(
        update(CodeRow)
        .where(*is_it, CodeRow.used_at.is_(None), CodeRow.expires_at > now)
        .values(used_at=now)
        .returning(
            CodeRow.consent_id,
            CodeRow.family_id,
            CodeRow.redirect_uri,
            CodeRow.code_challenge,
            CodeRow.rights,
        )
    ).one_or_none()
    if used is not None:
        consent = get_consent(session, used.consent_id)
        code = StoredCode(
            consent, used.family_id, used.redirect_uri, used.code_challenge, tuple(used.rights)
        )
        return Redeemed(code=code)
    replayed = session.execute(
        select(CodeRow.consent_id, CodeRow.family_id).where(*is_it, CodeRow.used_at.is_not(None))
    ).one_or_none()
    if replayed is None:
        return Redeemed()
    _lock(session, replayed.consent_id)
    end_family(session, replayed.family_id)
    return Redeemed(replayed=get_consent(session, replayed.consent_id))


def add_refresh_token(
    session: Session,
    token_hash: str,
    consent_id: str,
    family_id: str,
    rights: Sequence[str],
    expires_at: datetime,
) -> None:
    session.execute(
        insert(RefreshTokenRow).values(
            token_hash=token_hash,
            consent_id=consent_id,
            family_id=family_id,
            rights=list(rights),
            expires_at=expires_at,
        )
    )


def find_refresh_token(session: Session, token_hash: str, now: datetime) -> StoredToken | None:
    """Also waits for other requests with tokens of the same consent, and makes them wait for this one."""
    is_it = RefreshTokenRow.token_hash == token_hash
    consent_id = session.scalar(select(RefreshTokenRow.consent_id).where(is_it))
    if consent_id is None:
        return None
    _lock(session, consent_id)
    row = _fresh(session, select(RefreshTokenRow).where(is_it, RefreshTokenRow.expires_at > now))
    if row is None:
        return None
    consent = get_consent(session, row.consent_id)
    return StoredToken(
        token_hash, consent, row.family_id, tuple(row.rights), row.used_at, row.successor
    )


def rotate(session: Session, token: StoredToken, sealed_successor: str, now: datetime) -> None:
    """Use a refresh token up. What replaced earlier ones is told to nobody any more."""
    is_it = RefreshTokenRow.token_hash == token.token_hash
    session.execute(
        update(RefreshTokenRow)
        .where(RefreshTokenRow.family_id == token.family_id, ~is_it)
        .values(successor=None)
    )
    session.execute(
        update(RefreshTokenRow).where(is_it).values(used_at=now, successor=sealed_successor)
    )


def end_family(session: Session, family_id: str) -> None:
    """No token of it is good any more."""
    session.execute(delete(RefreshTokenRow).where(RefreshTokenRow.family_id == family_id))


def consent_of_family(session: Session, family_id: str, now: datetime) -> Consent | None:
    """None when its tokens are good for nothing any more."""
    consent_id = session.scalar(
        select(RefreshTokenRow.consent_id)
        .where(RefreshTokenRow.family_id == family_id, RefreshTokenRow.expires_at > now)
        .limit(1)
    )
    return None if consent_id is None else get_consent(session, consent_id)


def _lock(session: Session, consent_id: str) -> None:
    """Until the transaction ends. An UPDATE, because it holds on SQLite, too."""
    session.execute(
        update(ConsentRow)
        .where(ConsentRow.consent_id == consent_id)
        .values(client_id=ConsentRow.client_id)
    )


def mark_used(session: Session, consent_id: str, now: datetime) -> None:
    session.execute(
        update(ConsentRow).where(ConsentRow.consent_id == consent_id).values(last_used_at=now)
    )


def _fresh(session: Session, statement: Select[RowT]) -> RowT | None:
    """One row as it is now: not as this transaction saw it before it had to wait for another."""
    return session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()


def _client(row: ClientRow) -> Client:
    return Client(
        row.client_id,
        ClientKind(row.kind),
        row.name,
        tuple(row.redirect_uris),
        row.secret_sha256,
        tenant_id=row.tenant_id,
    )


def _consent(row: ConsentRow) -> Consent:
    return Consent(
        row.consent_id,
        row.tenant_id,
        row.person_id,
        row.client_id,
        row.client_name,
        row.resource,
        tuple(row.rights),
        tuple(row.redirect_hosts),
        row.agreed_at,
        row.last_used_at,
    )
