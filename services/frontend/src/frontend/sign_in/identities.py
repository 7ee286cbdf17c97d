"""Every statement on sign-ins elsewhere."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeGuard

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from frontend.sign_in.models import IdentityRow
from frontend.sign_in.session_rows import Origin
from shared.errors import Conflict

MAX_NAME_CHARACTERS = 255
"""OpenID Connect Core 1.0, section 2."""


class IdentityTaken(Conflict):
    """It is connected to somebody else's account."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is at a provider, as that provider tells it."""

    provider: str
    issuer: str
    subject: str
    email: str = ""
    """Normalised; empty when none was told."""
    is_verified: bool = False
    """Whether the provider says that the address is theirs."""
    name: str = ""
    sid: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def origin(self) -> Origin:
        """Of a session that it begins."""
        return Origin(self.provider, self.issuer, self.subject, self.sid)


def is_name(value: object) -> TypeGuard[str]:
    """Whether it can be a `sub`, `sid` or `jti`."""
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME_CHARACTERS and value.isprintable()


def find_identity(session: Session, identity: Identity) -> str | None:
    """The person's id whose it is."""
    row = session.get(IdentityRow, (identity.issuer, identity.subject))
    return None if row is None else row.person_id


def connect(session: Session, identity: Identity, person_id: str, now: datetime) -> None:
    """Connect it to a person. Does nothing when it is connected to them already.

    Raises:
        IdentityTaken: it is somebody else's.
    """
    owner = find_identity(session, identity)
    if owner == person_id:
        return
    if owner is None:
        session.add(
            IdentityRow(
                issuer=identity.issuer,
                subject=identity.subject,
                person_id=person_id,
                provider=identity.provider,
                email=identity.email,
                connected_at=now,
            )
        )
        try:
            session.flush()
        except IntegrityError:
            pass  # connected by another request meanwhile
        else:
            return
    raise IdentityTaken("This sign-in is connected to another account already.")


def list_identities(session: Session, person_id: str) -> list[IdentityRow]:
    return list(
        session.scalars(
            select(IdentityRow)
            .where(IdentityRow.person_id == person_id)
            .order_by(IdentityRow.connected_at, IdentityRow.subject)
        )
    )


def remove_identity(session: Session, issuer: str, subject: str, person_id: str) -> None:
    session.execute(
        delete(IdentityRow).where(
            IdentityRow.issuer == issuer,
            IdentityRow.subject == subject,
            IdentityRow.person_id == person_id,
        )
    )


def remove_identities(session: Session, person_id: str) -> None:
    """All of a person."""
    session.execute(delete(IdentityRow).where(IdentityRow.person_id == person_id))
