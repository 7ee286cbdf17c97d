"""People's tokens: sealed where they are kept, renewed ahead of time by one replica alone, given to one server."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

import structlog
from mcp.shared.auth import OAuthToken
from prometheus_client import Counter
from pydantic import BaseModel, ValidationError

from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from orchestrator.connections.clients import client_of, drop_registration
from orchestrator.connections.exchange import (
    ANSWER_WITHIN_S,
    BadIssuer,
    Client,
    IssuerRefused,
    IssuerUnavailable,
)
from orchestrator.connections.models import ConnectionRow
from orchestrator.connections.parts import ConnectionParts
from orchestrator.connections.queries import (
    ConnectionState,
    claim_refresh,
    find_connection,
    update_connection,
)
from orchestrator.database import DatabaseAway
from shared.errors import ExpectedError
from shared.sealed import CannotOpen
from shared.service_tokens import Principal

MAX_SIGN_INS = 3
"""In one call: to sign in, and twice for more rights (MCP authorization, step-up wants a limit)."""
AHEAD_S = 60.0
"""So long before its end a token is renewed, but never in the first two thirds of its life."""
JITTER = 0.5
"""Up to half of that earlier, at random, so that the tokens of one moment are not all renewed at one moment."""
REFRESH_LEASE = timedelta(seconds=ANSWER_WITHIN_S + 20)
"""Longer than the question to the issuer and keeping its answer can take: nobody else asks meanwhile."""
PAUSE_AFTER_TROUBLE = timedelta(seconds=5)
KEEP_ATTEMPTS = 3
"""To store new tokens when the database is away: the issuer may take the old ones for stolen now."""
KEEP_AGAIN_AFTER_S = 1.0
REVOKE_AGAIN_AFTER_S = 0.5
LOOK_S = 0.1
USE_NOTED_EVERY = timedelta(minutes=1)
SIGN_IN_AGAIN = "The sign-in has ended."
NOT_RENEWED = "The sign-in could not be renewed: the sign-in service does not answer."
NOT_KNOWN = (
    "The sign-in could not be renewed: the sign-in service does not take Steward as its client. "
    "An administrator can look at how Steward is registered there."
)

log = structlog.get_logger()
refreshes = Counter(
    "orchestrator_connection_refreshes_total", "Renewals of people's tokens.", ["outcome"]
)


class SignInNeeded(ExpectedError):
    """The server wants the person to sign in there, anew or for more rights. Nothing was done."""

    code: ClassVar[str] = "sign_in_needed"
    status: ClassVar[int] = 502

    def __init__(self, server: str, *, more_rights: bool = False) -> None:
        why = "wants more rights than it was given" if more_rights else "wants you to sign in there"
        super().__init__(f"“{server}” {why}.")
        self.server = server
        self.more_rights = more_rights


class Tokens(BaseModel):
    """What is sealed of a connection."""

    access: str
    refresh: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A token to be sent, and which set it is of."""

    access: str
    generation: int
    scopes: str


def sealed(parts: ConnectionParts, connection_id: str, tokens: Tokens) -> str:
    return parts.sealer.seal(tokens.model_dump_json(), connection_id)


def opened(parts: ConnectionParts, row: ConnectionRow) -> Tokens | None:
    """None: there are none, or the secret they were sealed with is gone."""
    if row.sealed_tokens is None:
        return None
    try:
        return Tokens.model_validate_json(parts.sealer.open(row.sealed_tokens, row.connection_id))
    except CannotOpen:
        return None


def ends_at(answer: OAuthToken, now: datetime) -> datetime | None:
    """When an issuer's token ends, None when it does not say."""
    if answer.expires_in is None:
        return None
    return now + timedelta(seconds=min(max(answer.expires_in, 0), 10 * 365 * 86_400))


async def held_token(parts: ConnectionParts, server: str, person: Principal) -> Held | None:
    """A token that is good for a while. None: the person has never signed in there.

    Raises:
        SignInNeeded: it has ended.
        IssuerUnavailable: it has run out, and cannot be renewed right now.
    """
    row = await _read(parts, server, person)
    if row is None or row.state == ConnectionState.WANTED:
        return None
    tokens = _usable(parts, row)
    now = parts.now()
    if not _is_due(row, now):
        await _note_use(parts, row, now)
        return Held(tokens.access, row.generation, row.scopes)
    has_ended = row.token_expires_at is not None and row.token_expires_at <= now
    return await _renewed(parts, row, tokens, must=has_ended, person=person)


async def renewed_token(
    parts: ConnectionParts, server: str, person: Principal, refused: Held
) -> Held | None:
    """Another token after the server has refused one before its time. None: there is no other.

    Raises:
        SignInNeeded, IssuerUnavailable.
    """
    row = await _read(parts, server, person)
    if row is None or row.state == ConnectionState.WANTED:
        return None
    tokens = _usable(parts, row)
    if row.generation != refused.generation:
        return Held(tokens.access, row.generation, row.scopes)
    if tokens.refresh is None:
        await _end(parts, row)
        raise SignInNeeded(server)
    return await _renewed(parts, row, tokens, must=True, person=person)


async def end_connection(
    parts: ConnectionParts, server: str, person: Principal, refused: Held
) -> None:
    """The server does not take the token, although it is new. Unless the person has signed in anew meanwhile."""
    row = await _read(parts, server, person)
    if row is not None and row.generation == refused.generation:
        await _end(parts, row)


async def _read(parts: ConnectionParts, server: str, person: Principal) -> ConnectionRow | None:
    async with parts.database.reading() as session:
        return await find_connection(session, server, person)


def _usable(parts: ConnectionParts, row: ConnectionRow) -> Tokens:
    tokens = opened(parts, row)
    if row.state != ConnectionState.ACTIVE or tokens is None:
        raise SignInNeeded(row.server)
    return tokens


def _is_due(row: ConnectionRow, now: datetime) -> bool:
    if row.token_expires_at is None:
        return False
    since = row.refreshed_at or row.connected_at or now
    life_s = max((row.token_expires_at - since).total_seconds(), 0.0)
    ahead_s = min(AHEAD_S, life_s / 3) * (1 + random.uniform(0, JITTER))  # noqa: S311 - no secret
    return (row.token_expires_at - now).total_seconds() <= ahead_s


async def _note_use(parts: ConnectionParts, row: ConnectionRow, now: datetime) -> None:
    if row.last_used_at is not None and now - row.last_used_at < USE_NOTED_EVERY:
        return
    async with parts.database.writing() as session:
        await update_connection(session, row, last_used_at=now)


async def _renewed(
    parts: ConnectionParts, row: ConnectionRow, tokens: Tokens, *, must: bool, person: Principal
) -> Held:
    """New tokens, by this replica or by another. `must`: the ones there are cannot be used any more."""
    old = Held(tokens.access, row.generation, row.scopes)
    if tokens.refresh is None:
        if not must:
            return old
        await _end(parts, row)
        raise SignInNeeded(row.server)
    patience = asyncio.get_running_loop().time() + REFRESH_LEASE.total_seconds()
    while True:
        async with parts.database.writing() as session:
            is_ours = await claim_refresh(session, row, parts.now(), REFRESH_LEASE)
        if is_ours:
            refreshing = _begin_refresh(parts, row, tokens)
            return await asyncio.shield(refreshing) if must else old
        if not must:
            return old
        now_there = await _read(parts, row.server, person)
        if now_there is None:
            raise SignInNeeded(row.server)
        tokens = _usable(parts, now_there)
        if now_there.generation != row.generation:
            return Held(tokens.access, now_there.generation, now_there.scopes)
        if asyncio.get_running_loop().time() > patience or now_there.problem:
            raise IssuerUnavailable(now_there.problem or NOT_RENEWED)
        await asyncio.sleep(LOOK_S)


def _begin_refresh(
    parts: ConnectionParts, row: ConnectionRow, tokens: Tokens
) -> asyncio.Task[Held]:
    """As a task of its own: whoever waits may be stopped at any moment, and tokens that were given must be kept."""
    refreshing = asyncio.create_task(_refresh(parts, row, tokens))
    parts.renewing.add(refreshing)
    refreshing.add_done_callback(parts.renewing.discard)
    refreshing.add_done_callback(_log_crash)
    return refreshing


def _log_crash(refreshing: asyncio.Task[Held]) -> None:
    """Somebody may not be waiting. What is expected is in the row already."""
    error = None if refreshing.cancelled() else refreshing.exception()
    if error is not None and not isinstance(error, ExpectedError):
        log.error("connection_refresh_crashed", exc_info=error)


async def _refresh(parts: ConnectionParts, row: ConnectionRow, tokens: Tokens) -> Held:
    """Ask the issuer that gave the tokens. The lease is ours.

    Raises:
        SignInNeeded: it said no.
        IssuerUnavailable: it could not be asked, or does not take us for its client; nothing has ended.
    """
    try:
        answer = await _ask_for_new(parts, row, tokens)
    except IssuerRefused as refusal:
        if refusal.is_about_us and not await drop_registration(
            parts, row.server, row.issuer, row.client_id
        ):
            await _pause(parts, row, refusal, NOT_KNOWN)
            raise IssuerUnavailable(NOT_KNOWN) from None
        log.info("connection_refresh_refused", server=row.server, error=refusal.error[:40])
        refreshes.labels(outcome="refused").inc()
        await _end(parts, row, error=refusal.error[:100])
        raise SignInNeeded(row.server) from None
    except ExpectedError as trouble:
        # Whether it was done nobody knows. The old refresh token is tried again: an issuer that takes each only once
        # refuses it then, and only the person can mend that.
        is_silent = isinstance(trouble, IssuerUnavailable)
        why = NOT_RENEWED if is_silent else f"The sign-in could not be renewed. {trouble.message}"
        await _pause(parts, row, trouble, why)
        raise IssuerUnavailable(why) from None
    refreshes.labels(outcome="done").inc()
    return await _keep(parts, row, tokens, answer)


async def _pause(
    parts: ConnectionParts, row: ConnectionRow, trouble: ExpectedError, why: str
) -> None:
    log.warning("connection_not_refreshed", server=row.server, code=trouble.code)
    refreshes.labels(outcome="failed").inc()
    until = parts.now() + PAUSE_AFTER_TROUBLE
    async with parts.database.writing() as session:
        await update_connection(session, row, refresh_until=until, problem=why)


async def _ask_for_new(parts: ConnectionParts, row: ConnectionRow, tokens: Tokens) -> OAuthToken:
    client = await client_of(parts, row.server, row.issuer, row.client_id)
    fields = {
        "grant_type": "refresh_token",
        "refresh_token": tokens.refresh or "",
        "resource": row.resource,
    }
    answer = await parts.exchange.submit(row.token_endpoint, client, fields)
    try:
        return OAuthToken.model_validate(answer)
    except ValidationError:
        raise BadIssuer("The sign-in service answered with no token.") from None


async def _keep(
    parts: ConnectionParts, row: ConnectionRow, before: Tokens, answer: OAuthToken
) -> Held:
    # What the answer leaves out stays as it was (RFC 6749, section 6).
    tokens = Tokens(access=answer.access_token, refresh=answer.refresh_token or before.refresh)
    scopes = row.scopes if answer.scope is None else answer.scope
    if await _store(parts, row, tokens, scopes, answer):
        return Held(tokens.access, row.generation + 1, scopes)
    async with parts.database.reading() as session:
        now_there = await session.get(ConnectionRow, row.connection_id)
    newer = None if now_there is None else opened(parts, now_there)
    if now_there is None or newer is None or now_there.state != ConnectionState.ACTIVE:
        await revoke(parts, row, tokens)  # disconnected meanwhile: nobody knows of these
        raise SignInNeeded(row.server)
    # Signed in anew meanwhile. To revoke these might take that consent away, too: some issuers keep one for both.
    return Held(newer.access, now_there.generation, now_there.scopes)


async def _store(
    parts: ConnectionParts, row: ConnectionRow, tokens: Tokens, scopes: str, answer: OAuthToken
) -> bool:
    """False: the row has other tokens by now, or is gone."""
    now = parts.now()
    for attempt in range(1, KEEP_ATTEMPTS + 1):
        try:
            async with parts.database.writing() as session:
                return await update_connection(
                    session,
                    row,
                    sealed_tokens=sealed(parts, row.connection_id, tokens),
                    token_expires_at=ends_at(answer, now),
                    scopes=scopes,
                    generation=row.generation + 1,
                    refresh_until=None,
                    refreshed_at=now,
                    last_used_at=now,
                    problem="",
                )
        except DatabaseAway:
            if attempt == KEEP_ATTEMPTS:
                raise
            await asyncio.sleep(KEEP_AGAIN_AFTER_S)
    raise AssertionError("every attempt returns, raises or is followed by another")


async def _end(parts: ConnectionParts, row: ConnectionRow, error: str | None = None) -> None:
    """The person has to sign in again. `error`: the issuer's code, when it was the issuer who said so."""
    now = parts.now()
    async with parts.database.writing() as session:
        is_ended = await update_connection(
            session,
            row,
            state=ConnectionState.ENDED,
            sealed_tokens=None,
            generation=row.generation + 1,
            refresh_until=None,
            problem=SIGN_IN_AGAIN,
        )
        if is_ended and error is not None:
            await record(
                session,
                row.tenant_id,
                AuditKind.CONNECTION_REFRESH_REFUSED,
                now,
                person=row.owner_id,
                body={
                    "server": row.server,
                    "issuer": row.issuer,
                    "connection_id": row.connection_id,
                    "error": error,
                },
            )


async def revoke(parts: ConnectionParts, row: ConnectionRow, tokens: Tokens | None) -> bool:
    """Have the issuer forget the tokens (RFC 7009), the refresh token first. True: it says that it has.

    It is asked twice when it is away (section 2.2.1).
    """
    if tokens is None or row.revocation_endpoint is None:
        return False
    told = [("refresh_token", tokens.refresh), ("access_token", tokens.access)]
    try:
        client = await client_of(parts, row.server, row.issuer, row.client_id)
        for kind, token in told:
            if token is not None:
                fields = {"token": token, "token_type_hint": kind}
                await _submit_twice(parts, row.revocation_endpoint, client, fields)
    except ExpectedError as error:
        log.warning("connection_not_revoked", server=row.server, code=error.code)
        return False
    return True


async def _submit_twice(
    parts: ConnectionParts, url: str, client: Client, fields: Mapping[str, str]
) -> None:
    try:
        await parts.exchange.submit(url, client, fields)
    except IssuerUnavailable:
        await asyncio.sleep(REVOKE_AGAIN_AFTER_S)
        await parts.exchange.submit(url, client, fields)
