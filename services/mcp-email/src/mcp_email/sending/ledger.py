"""Remembers every send before it is made, so that a repeated call, a crash or a second replica sends nothing twice.

A row goes reserved → confirmed → data_started → sent, partial or unknown; or, at any step before data_started, to
failed_clean, from where a new try may begin. Each step is taken only by the worker that holds the row, in the state it
left it in: a worker that others took for dead finds its row gone, and stops before the mail has left.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mcp_email.config import Limits
from mcp_email.errors import (
    KeyReused,
    NotConfirmed,
    ProbableDuplicate,
    QuotaUsedUp,
    StillSending,
)
from mcp_email.mail import Address
from mcp_email.sending.store import Store, Transaction

State = Literal[
    "reserved", "confirmed", "data_started", "sent", "partial", "failed_clean", "unknown"
]
SentCopy = Literal["none", "kept", "failed"]

UNDER_WAY = frozenset({"reserved", "confirmed", "data_started"})
ENDED = frozenset({"sent", "partial", "unknown"})
"""For good: no new try is made under the same key."""
SAME_MAIL_S = 600.0
"""A mail without a key that equals one sent this short ago is taken for a repeated call."""
MINUTE_S = 60.0
DAY_S = 86_400.0

_GIVEN_UP = "given up"
"""In place of a digest: equals no mail's, so that none goes out under the key."""
_COLUMNS = (
    "send_id, account, idempotency_key, digest, message_id, state, worker, tries, result, sent_copy, "
    "reserved_at_s"
)


class TakenOver(StillSending):
    """Another worker took this one for dead and its row with it. Nothing was sent by this one."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a send is unique by."""

    tenant: str
    person: str
    account: str
    key: str
    is_automatic: bool = False
    """The key was made from the content."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row."""

    send_id: str
    account: str
    key: str
    digest: str
    message_id: str
    state: State
    worker: str
    tries: int
    """Tells this try from an earlier one of the same worker, whose last words may come late."""
    result: str | None
    sent_copy: SentCopy
    reserved_at_s: float


class Ledger:
    """The sends of all people. Its methods block and may be called from any thread; all raise LedgerAway."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def message_key(self) -> bytes:
        """The secret that Message-IDs are made with: made once, the same for all replicas."""
        with self.store.transaction() as transaction:
            transaction.change(
                "INSERT INTO keys (name, content) VALUES ('message_id', ?) ON CONFLICT DO NOTHING",
                secrets.token_hex(32),
            )
            [(content,)] = transaction.rows("SELECT content FROM keys WHERE name = 'message_id'")
        return bytes.fromhex(content)

    def find(self, identity: Identity) -> Entry | None:
        """What is known of this key."""
        with self.store.transaction() as transaction:
            return _find(transaction, identity)

    def find_message(self, tenant: str, person: str, account: str, message_id: str) -> Entry | None:
        """What is known of this Message-ID."""
        with self.store.transaction() as transaction:
            found = transaction.rows(
                f"SELECT {_COLUMNS} FROM sends WHERE tenant = ? AND person = ? AND account = ? AND message_id = ?",  # noqa: S608 - a constant
                tenant, person, account, message_id,
            )  # fmt: skip
        return Entry(*found[0]) if found else None

    def find_by_message_id(self, message_id: str) -> Entry | None:
        """The send with this Message-ID, whoever's it is."""
        with self.store.transaction() as transaction:
            found = transaction.rows(
                f"SELECT {_COLUMNS} FROM sends WHERE message_id = ?",  # noqa: S608
                message_id,
            )
        return Entry(*found[0]) if found else None

    def remove_tenant(self, tenant: str) -> None:
        """Forget what anybody of the tenant has sent, and tried."""
        with self.store.transaction() as transaction:
            sent = "SELECT send_id FROM sends WHERE tenant = ?"
            transaction.change(f"DELETE FROM sends_to WHERE send_id IN ({sent})", tenant)  # noqa: S608 - a constant
            transaction.change(f"DELETE FROM confirmations WHERE send_id IN ({sent})", tenant)  # noqa: S608
            transaction.change("DELETE FROM sends WHERE tenant = ?", tenant)
            transaction.change("DELETE FROM tries WHERE tenant = ?", tenant)

    def recipients(self, send_id: str) -> list[str]:
        """To whom it goes, sorted."""
        with self.store.transaction() as transaction:
            found = transaction.rows(
                "SELECT address FROM sends_to WHERE send_id = ? ORDER BY address", send_id
            )
        return [address for (address,) in found]

    def reserve(
        self,
        identity: Identity,
        *,
        digest: str,
        message_id: str,
        recipients: Sequence[Address],
        own_domains: Collection[str],
        limits: Limits,
        now_s: float,
    ) -> tuple[Entry, bool]:
        """Take the key for this worker; and whether it was taken, or is known already in another state.

        Raises:
            KeyReused: it belongs to another mail.
            ProbableDuplicate: an automatic key, and the same mail went out within ten minutes.
            QuotaUsedUp: the person sent too much. Nothing is reserved.
        """
        worker = self.store.worker()
        with self.store.transaction(f"{identity.tenant}/{identity.person}") as transaction:
            known = _find(transaction, identity)
            if known is not None and known.digest != digest:
                raise KeyReused(
                    "This idempotency key belongs to another mail.", hint="Use a new one."
                )
            if identity.is_automatic:
                _refuse_same_mail(transaction, identity, digest, now_s)
            if known is not None and known.state != "failed_clean":
                return known, False
            _keep_to_quotas(transaction, identity, recipients, own_domains, limits, now_s)
            if known is None:
                _insert(transaction, identity, digest, message_id, worker, recipients, now_s)
            else:
                transaction.change(
                    "UPDATE sends SET state = 'reserved', worker = ?, tries = tries + 1, result = NULL, "
                    "reserved_at_s = ?, ended_at_s = NULL WHERE send_id = ?",
                    worker, now_s, known.send_id,
                )  # fmt: skip
            _note_try(transaction, identity, now_s)
            entry = _find(transaction, identity)
            assert entry is not None  # noqa: S101 - written above
            return entry, True

    def give_up(self, identity: Identity, result: str, now_s: float) -> bool:
        """Use the key up without a mail; and whether it is: not when a mail is under way, or out, under it."""
        with self.store.transaction(f"{identity.tenant}/{identity.person}") as transaction:
            known = _find(transaction, identity)
            if known is None:
                _insert(transaction, identity, _GIVEN_UP, "", self.store.worker(), (), now_s)
            elif known.state != "failed_clean":
                return False
            transaction.change(
                "UPDATE sends SET state = 'failed_clean', digest = ?, result = ? "
                "WHERE tenant = ? AND person = ? AND account = ? AND idempotency_key = ?",
                _GIVEN_UP, result,
                identity.tenant, identity.person, identity.account, identity.key,
            )  # fmt: skip
            return True

    def confirm(self, entry: Entry, token: str) -> None:
        """Use the person's yes up. The same send may use it again, as long as it never got further.

        Raises:
            NotConfirmed: it was used for another send.
            TakenOver: the row is another worker's.
        """
        with self.store.transaction() as transaction:
            transaction.change(
                "INSERT INTO confirmations (token, send_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
                token, entry.send_id,
            )  # fmt: skip
            [(used_by,)] = transaction.rows(
                "SELECT send_id FROM confirmations WHERE token = ?", token
            )
            if used_by != entry.send_id:
                raise NotConfirmed(
                    "This confirmation was used for another mail.", hint="Ask the person again."
                )
            _step(transaction, entry, "reserved", "confirmed")

    def start_data(self, entry: Entry, now_s: float) -> None:
        """From here on the mail may be out, whatever happens. Raises TakenOver."""
        with self.store.transaction() as transaction:
            _step(transaction, entry, "confirmed", "data_started")
            transaction.change(
                "UPDATE sends SET data_started_at_s = ? WHERE send_id = ?", now_s, entry.send_id
            )

    def end(self, entry: Entry, state: State, result: str, now_s: float) -> bool:
        """Note how this try ended, once; and whether it was still this worker's to say."""
        with self.store.transaction() as transaction:
            touched = transaction.change(
                "UPDATE sends SET state = ?, result = ?, ended_at_s = ? WHERE send_id = ? AND worker = ? "
                "AND tries = ? AND state IN ('reserved', 'confirmed', 'data_started')",
                state, result, now_s, entry.send_id, entry.worker, entry.tries,
            )  # fmt: skip
        return touched == 1

    def settle(self, entry: Entry, state: State, result: str, now_s: float) -> bool:
        """Note how the try of a dead worker ended; and whether it stood where the entry says until now.

        Else the worker got further before it died, perhaps as far as the mail, and the entry says nothing of it.
        """
        with self.store.transaction() as transaction:
            touched = transaction.change(
                "UPDATE sends SET state = ?, result = ?, ended_at_s = ? WHERE send_id = ? AND worker = ? "
                "AND tries = ? AND state = ?",
                state, result, now_s, entry.send_id, entry.worker, entry.tries, entry.state,
            )  # fmt: skip
        return touched == 1

    def found_sent(self, entry: Entry, result: str) -> None:
        """An unknown outcome was cleared up: the mail was found where only a sent one can be."""
        with self.store.transaction() as transaction:
            transaction.change(
                "UPDATE sends SET state = 'sent', result = ? WHERE send_id = ? AND state = 'unknown'",
                result, entry.send_id,
            )  # fmt: skip

    def note_copy(self, entry: Entry, sent_copy: SentCopy) -> None:
        """Note what became of the copy in the sent folder."""
        with self.store.transaction() as transaction:
            transaction.change(
                "UPDATE sends SET sent_copy = ? WHERE send_id = ?", sent_copy, entry.send_id
            )


def _find(transaction: Transaction, identity: Identity) -> Entry | None:
    found = transaction.rows(
        f"SELECT {_COLUMNS} FROM sends "  # noqa: S608
        "WHERE tenant = ? AND person = ? AND account = ? AND idempotency_key = ?",
        identity.tenant, identity.person, identity.account, identity.key,
    )  # fmt: skip
    return Entry(*found[0]) if found else None


def _insert(
    transaction: Transaction,
    identity: Identity,
    digest: str,
    message_id: str,
    worker: str,
    recipients: Sequence[Address],
    now_s: float,
) -> None:
    send_id = secrets.token_hex(16)
    transaction.change(
        "INSERT INTO sends (send_id, tenant, person, account, idempotency_key, digest, message_id, state, worker, "
        "tries, reserved_at_s) VALUES (?, ?, ?, ?, ?, ?, ?, 'reserved', ?, 1, ?)",
        send_id, identity.tenant, identity.person, identity.account, identity.key, digest, message_id, worker, now_s,
    )  # fmt: skip
    for one in recipients:
        transaction.change(
            "INSERT INTO sends_to (send_id, address, domain) VALUES (?, ?, ?)",
            send_id, one.spec.lower(), one.domain,
        )  # fmt: skip


def _note_try(transaction: Transaction, identity: Identity, now_s: float) -> None:
    who = (identity.tenant, identity.person)
    transaction.change("INSERT INTO tries (tenant, person, at_s) VALUES (?, ?, ?)", *who, now_s)
    transaction.change(
        "DELETE FROM tries WHERE tenant = ? AND person = ? AND at_s <= ?", *who, now_s - MINUTE_S
    )


def _step(transaction: Transaction, entry: Entry, before: State, after: State) -> None:
    touched = transaction.change(
        "UPDATE sends SET state = ? WHERE send_id = ? AND worker = ? AND tries = ? AND state = ?",
        after, entry.send_id, entry.worker, entry.tries, before,
    )  # fmt: skip
    if touched != 1:
        raise TakenOver(
            "Another process took this send over, so this one sent nothing.",
            hint="get_send_status tells how it ended.",
        )


def _refuse_same_mail(
    transaction: Transaction, identity: Identity, digest: str, now_s: float
) -> None:
    same = transaction.rows(
        "SELECT message_id FROM sends WHERE tenant = ? AND person = ? AND account = ? AND digest = ? "
        "AND state <> 'failed_clean' AND reserved_at_s > ? ORDER BY reserved_at_s DESC LIMIT 1",
        identity.tenant, identity.person, identity.account, digest, now_s - SAME_MAIL_S,
    )  # fmt: skip
    if same:
        raise ProbableDuplicate(
            "The same mail was sent, or begun, less than ten minutes ago.",
            hint="get_send_status tells how it ended. To send it again give a new idempotency_key.",
            message_id=same[0][0],
        )


def _keep_to_quotas(
    transaction: Transaction,
    identity: Identity,
    recipients: Sequence[Address],
    own_domains: Collection[str],
    limits: Limits,
    now_s: float,
) -> None:
    """Tries count for the minute, so that refused ones cannot go on for ever; what may be out counts for the day."""
    who = (identity.tenant, identity.person)
    day_ago_s = now_s - DAY_S
    minute = transaction.rows(
        "SELECT COUNT(*), MIN(at_s) FROM tries WHERE tenant = ? AND person = ? AND at_s > ?",
        *who, now_s - MINUTE_S,
    )[0]  # fmt: skip
    _refuse_over("sends_a_minute", minute, limits.sends_a_minute, MINUTE_S, now_s)
    day = transaction.rows(
        "SELECT COUNT(*), MIN(reserved_at_s) FROM sends WHERE tenant = ? AND person = ? "
        "AND state <> 'failed_clean' AND reserved_at_s > ?",
        *who, day_ago_s,
    )[0]  # fmt: skip
    _refuse_over("sends_a_day", day, limits.sends_a_day, DAY_S, now_s)
    for one in recipients:
        to_one = transaction.rows(
            "SELECT COUNT(*), MIN(reserved_at_s) FROM sends JOIN sends_to USING (send_id) WHERE tenant = ? "
            "AND person = ? AND address = ? AND state <> 'failed_clean' AND reserved_at_s > ?",
            *who, one.spec.lower(), day_ago_s,
        )[0]  # fmt: skip
        _refuse_over("a_day_to_one", to_one, limits.a_day_to_one, DAY_S, now_s)
    first_written = transaction.rows(
        "SELECT domain, MIN(reserved_at_s) FROM sends JOIN sends_to USING (send_id) "
        "WHERE tenant = ? AND person = ? AND state <> 'failed_clean' GROUP BY domain",
        *who,
    )  # fmt: skip
    _refuse_new_domains(
        {domain: at_s for domain, at_s in first_written if domain not in own_domains},
        {one.domain for one in recipients} - set(own_domains),
        limits.new_domains_a_day,
        now_s,
    )


def _refuse_new_domains(
    first_written: dict[str, float], wanted: set[str], limit: int, now_s: float
) -> None:
    since = [at_s for at_s in first_written.values() if at_s > now_s - DAY_S]
    new = sorted(wanted - set(first_written))
    if new and len(since) + len(new) > limit:
        raise _used_up("new_domains_a_day", limit, (min(since, default=now_s), DAY_S), now_s)


def _refuse_over(
    name: str, found: tuple[Any, ...], limit: int, within_s: float, now_s: float
) -> None:
    count, first_s = found
    if count >= limit:
        raise _used_up(name, limit, (first_s, within_s), now_s)


def _used_up(name: str, limit: int, window: tuple[float, float], now_s: float) -> QuotaUsedUp:
    first_s, within_s = window
    return QuotaUsedUp(
        f"The limit {name} of {limit} is used up.",
        hint="Nothing was sent. get_mail_policy tells the limits.",
        retry_after_s=max(1.0, round(first_s + within_s - now_s, 1)),
        limit=name,
    )
