"""Authenticator apps (TOTP, RFC 6238) and recovery codes: who has them, and whether a code is right, once."""

import hashlib
import hmac
import re
import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime

from pyotp import random_base32
from pyotp.totp import TOTP
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from frontend.sign_in.models import RecoveryCodeRow, SecondFactorRow
from shared.sealed import CannotOpen, Sealer

STEP_S = 30
SKEW_STEPS = 1
"""A phone's clock may be so far off, either way (RFC 6238, section 5.2)."""
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
"""80 random bits: no guessing, so a quick hash is enough to keep them."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What the authenticator app must be told."""

    secret: str
    address: str
    """An otpauth: address, as QR codes hold it."""


def has_second_factor(session: Session, person_id: str) -> bool:
    row = session.get(SecondFactorRow, person_id)
    return row is not None and row.confirmed_at is not None


def begin_setup(session: Session, sealer: Sealer, person_id: str, email: str) -> Setup:
    """A new secret, or that which was shown before and not confirmed. Not for people who have confirmed one."""
    row = session.get(SecondFactorRow, person_id)
    if row is not None and row.confirmed_at is not None:
        raise ValueError("there is a confirmed one")
    secret = None if row is None else _opened(sealer, row)
    if secret is None:
        secret = random_base32()
        session.execute(delete(SecondFactorRow).where(SecondFactorRow.person_id == person_id))
        session.add(
            SecondFactorRow(
                person_id=person_id,
                secret_sealed=sealer.seal(secret, person_id),
                confirmed_at=None,
                last_step=0,
            )
        )
    return Setup(secret, TOTP(secret).provisioning_uri(name=email, issuer_name="Steward"))


def confirm_setup(
    session: Session, sealer: Sealer, person_id: str, code: str, now: datetime
) -> list[str] | None:
    """Ask for codes from now on. Gives the recovery codes; None: the code is wrong."""
    if not take_code(session, sealer, person_id, code, now, confirmed=False):
        return None
    session.execute(
        update(SecondFactorRow)
        .where(SecondFactorRow.person_id == person_id)
        .values(confirmed_at=now)
    )
    return new_recovery_codes(session, person_id)


def take_code(
    session: Session,
    sealer: Sealer,
    person_id: str,
    code: str,
    now: datetime,
    *,
    confirmed: bool = True,
) -> bool:
    """Whether the app's code is right now. It and all before it are used up then."""
    row = session.get(SecondFactorRow, person_id)
    if row is None or (row.confirmed_at is not None) is not confirmed:
        return False
    secret = _opened(sealer, row)
    step = None if secret is None else _step_of(secret, _digits(code), now)
    if step is None:
        return False
    taken = session.execute(
        update(SecondFactorRow)
        .where(SecondFactorRow.person_id == person_id, SecondFactorRow.last_step < step)
        .values(last_step=step)
        .returning(SecondFactorRow.person_id)
    )
    return taken.one_or_none() is not None


def take_recovery_code(session: Session, person_id: str, code: str) -> bool:
    """Whether it is one of those left; used up then."""
    taken = session.execute(
        delete(RecoveryCodeRow)
        .where(
            RecoveryCodeRow.person_id == person_id,
            RecoveryCodeRow.code_hash == _hash_of_recovery(code),
        )
        .returning(RecoveryCodeRow.person_id)
    )
    return taken.one_or_none() is not None


def new_recovery_codes(session: Session, person_id: str) -> list[str]:
    """In place of those before."""
    session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.person_id == person_id))
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    session.add_all(
        RecoveryCodeRow(person_id=person_id, code_hash=_hash_of_recovery(code)) for code in codes
    )
    return codes


def recovery_codes_left(session: Session, person_id: str) -> int:
    counted = select(func.count()).where(RecoveryCodeRow.person_id == person_id)
    return session.scalar(counted) or 0


def remove_second_factor(session: Session, person_id: str) -> None:
    session.execute(delete(SecondFactorRow).where(SecondFactorRow.person_id == person_id))
    session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.person_id == person_id))


def _opened(sealer: Sealer, row: SecondFactorRow) -> str | None:
    try:
        return sealer.open(row.secret_sealed, row.person_id)
    except CannotOpen:
        return None  # The installation's secret is another now: recovery codes are left.


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step that the code is of, near the present one."""
    totp = TOTP(secret, interval=STEP_S)
    present = int(now.timestamp()) // STEP_S
    found = None
    for step in range(present - SKEW_STEPS, present + SKEW_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(step), code):
            found = step
    return found


def _digits(code: str) -> str:
    """As it was meant: apps show codes in two groups."""
    digits = re.sub(r"[\s-]", "", code)
    return digits if digits.isascii() and digits.isdecimal() else ""


def _recovery_code() -> str:
    letters = b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def _hash_of_recovery(code: str) -> str:
    plain = re.sub(r"[\s-]", "", code).lower()
    return hashlib.sha256(plain.encode(errors="surrogatepass")).hexdigest()
