"""Every statement on API keys."""

import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from frontend.accounts.models import MembershipRow, PersonRow, TenantRow
from frontend.accounts.queries import Person
from frontend.accounts.roles import Role
from frontend.api_keys.models import ApiKeyRow
from frontend.tenants.rules import lesser
from shared.errors import Conflict, NotFound
from shared.service_tokens import KEY_SUBJECT

MAX_KEYS = 100
"""Usable ones of a tenant."""
MAX_LIFETIME_DAYS = 366
LAST_USED_STEP = timedelta(minutes=5)

_KEY = re.compile(r"stw_([0-9a-f]{12})_[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What a key shall be."""

    name: str
    role: Role
    scopes: tuple[str, ...]
    lifetime: timedelta | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is listed."""

    key_id: str
    prefix: str
    name: str
    role: Role
    scopes: list[str]
    made_by: str | None
    made_by_name: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def is_usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a key that somebody showed is."""

    person: Person | None = None
    """Whoever it acts as. None: it is refused."""
    tenant_id: str | None = None
    """Of the refused key with this prefix, if there is one."""
    prefix: str = ""


def add_key(session: Session, maker: Person, wish: KeyWish, now: datetime) -> tuple[str, str]:
    """The key's id, and the key itself, which is kept nowhere. The tenant is held.

    Raises:
        Conflict: the tenant has too many.
    """
    if _count_usable(session, maker.tenant_id, now) >= MAX_KEYS:
        raise Conflict(f"There are {MAX_KEYS} keys. Revoke one that nobody needs.")
    prefix = secrets.token_hex(6)
    key = f"stw_{prefix}_{secrets.token_hex(32)}"
    row = ApiKeyRow(
        key_id=uuid.uuid4().hex,
        tenant_id=maker.tenant_id,
        prefix=prefix,
        key_hash=_hash(key),
        name=wish.name,
        role=wish.role,
        scopes=sorted(set(wish.scopes)),
        made_by=maker.person_id,
        created_at=now,
        expires_at=None if wish.lifetime is None else now + wish.lifetime,
    )
    session.add(row)
    session.flush()
    return row.key_id, key


def list_keys(session: Session, tenant_id: str) -> list[ApiKey]:
    """Newest first."""
    rows = session.execute(
        select(ApiKeyRow, PersonRow.name)
        .outerjoin(PersonRow, PersonRow.person_id == ApiKeyRow.made_by)
        .where(ApiKeyRow.tenant_id == tenant_id)
        .order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.key_id)
    )
    return [_as_key(row, maker) for row, maker in rows]


def get_key(session: Session, tenant_id: str, key_id: str) -> ApiKey:
    """Raises NotFound."""
    found = session.execute(
        select(ApiKeyRow, PersonRow.name)
        .outerjoin(PersonRow, PersonRow.person_id == ApiKeyRow.made_by)
        .where(ApiKeyRow.tenant_id == tenant_id, ApiKeyRow.key_id == key_id)
    ).one_or_none()
    if found is None:
        raise NotFound("There is no such key.")
    return _as_key(found[0], found[1])


def revoke_key(session: Session, tenant_id: str, key_id: str, now: datetime) -> bool:
    """Whether it was good until now."""
    revoked = session.scalar(
        update(ApiKeyRow)
        .where(
            ApiKeyRow.tenant_id == tenant_id,
            ApiKeyRow.key_id == key_id,
            ApiKeyRow.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .returning(ApiKeyRow.key_id)
    )
    return revoked is not None


def revoke_keys_of(session: Session, tenant_id: str, person_id: str, now: datetime) -> None:
    """All that somebody has made."""
    session.execute(
        update(ApiKeyRow)
        .where(
            ApiKeyRow.tenant_id == tenant_id,
            ApiKeyRow.made_by == person_id,
            ApiKeyRow.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )


def look_up(session: Session, key: str, now: datetime) -> Looked:
    """Whoever a key acts as: `key:<id>` with its role, or its maker's where that is less now."""
    match = _KEY.fullmatch(key)
    if match is None:
        return Looked()
    row = session.scalar(select(ApiKeyRow).where(ApiKeyRow.prefix == match[1]))
    # Compared in any case, and in constant time, so that an answer's time says nothing about a stored hash.
    is_right = hmac.compare_digest(row.key_hash if row else _hash(""), _hash(key))
    if row is None:
        return Looked()
    refused = Looked(tenant_id=row.tenant_id, prefix=row.prefix)
    is_over = row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now)
    if not is_right or is_over:
        return refused
    maker = session.execute(
        select(MembershipRow.role, TenantRow.tier)
        .join(TenantRow, TenantRow.tenant_id == MembershipRow.tenant_id)
        .join(PersonRow, PersonRow.person_id == MembershipRow.person_id)
        .where(
            MembershipRow.person_id == row.made_by,
            MembershipRow.tenant_id == row.tenant_id,
            PersonRow.is_disabled.is_(False),
            TenantRow.delete_after.is_(None),
        )
    ).one_or_none()
    if maker is None:
        return refused
    return Looked(_as_person(row, lesser(Role(row.role), Role(maker[0])), maker[1]))


def note_use(session: Session, person: Person, now: datetime) -> None:
    """A few minutes apart at least."""
    session.execute(
        update(ApiKeyRow)
        .where(
            ApiKeyRow.key_id == person.person_id.removeprefix(KEY_SUBJECT),
            ApiKeyRow.last_used_at.is_(None) | (ApiKeyRow.last_used_at < now - LAST_USED_STEP),
        )
        .values(last_used_at=now)
    )


def _as_person(row: ApiKeyRow, role: Role, tier: str) -> Person:
    return Person(
        person_id=f"{KEY_SUBJECT}{row.key_id}",
        tenant_id=row.tenant_id,
        email="",
        name=row.name,
        roles=(role,),
        tier=tier,
        session=row.prefix,
        scopes=frozenset(row.scopes),
    )


def _count_usable(session: Session, tenant_id: str, now: datetime) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(ApiKeyRow)
            .where(
                ApiKeyRow.tenant_id == tenant_id,
                ApiKeyRow.revoked_at.is_(None),
                ApiKeyRow.expires_at.is_(None) | (ApiKeyRow.expires_at > now),
            )
        )
        or 0
    )


def _as_key(row: ApiKeyRow, maker: str | None) -> ApiKey:
    return ApiKey(
        key_id=row.key_id,
        prefix=row.prefix,
        name=row.name,
        role=Role(row.role),
        scopes=row.scopes,
        made_by=row.made_by,
        made_by_name=maker,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
