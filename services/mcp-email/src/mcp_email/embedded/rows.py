"""The statements on mails: each on one mailbox's range of ids, which is how mailboxes stay apart."""

import hmac
import sqlite3
import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import cast

from mcp_email.embedded.finding import criteria_of, match_of, trigrams_of
from mcp_email.embedded.parsed import (
    CHUNK,
    ParsedMail,
    chunks_of,
    envelope_from,
)
from mcp_email.errors import MailboxAway, NoSuchMail
from mcp_email.mail import Flag, Role, Search, Summary

UIDS = 1 << 32
MAX_MAILBOX = 500 * 1024 * 1024
MAX_THREAD = 500
MAX_GOING_ON = 64
"""Ways in which a word of one or two letters goes on. With more of them it is too common for an index to help."""
AFTER = "\n\n"
"""Stands after a text, so that three letters in a row begin with each of its letters, the last one too."""

COLUMNS = (
    "mail.id, folder.name, mail.message_id, mail.received_at, mail.size, mail.is_seen, mail.is_flagged,"
    " mail.is_answered, mail.has_attachments, mail.envelope"
)
FLAGS: dict[Flag, str] = {"seen": "is_seen", "flagged": "is_flagged", "answered": "is_answered"}


@dataclass(frozen=True, slots=True)
class Owner:
    """A mailbox, as far as statements need it."""

    id: int
    secret: bytes

    @property
    def first(self) -> int:
        """The lowest id that a mail of it may have."""
        return self.id * UIDS

    @property
    def last(self) -> int:
        """The highest one."""
        return self.first + UIDS - 1

    def told(self, mail_id: int, kind: str = "mail") -> str:
        """The id as callers have it. One made up, of another mailbox or of another kind is none."""
        uid = mail_id - self.first
        seal = hmac.new(self.secret, f"{kind}:{uid}".encode(), sha256).hexdigest()[:12]
        return f"{uid}-{seal}"

    def meant(self, told: str, kind: str = "mail") -> int:
        """The id that is meant. Raises NoSuchMail."""
        uid, _, _ = told.partition("-")
        if len(told) <= 30 and uid.isascii() and uid.isdigit():
            mail_id = self.first + int(uid)
            if hmac.compare_digest(self.told(mail_id, kind).encode(), told.encode()):
                return mail_id
        raise NoSuchMail(f"There is no such {kind}.", hint="search_email gives the ids.")


def add_mail(
    connection: sqlite3.Connection,
    owner: Owner,
    mail: ParsedMail,
    *,
    role: Role,
    received_at: float,
    flags: frozenset[Flag] = frozenset(),
) -> int:
    """Put a mail into the folder with that role and give its id. Raises MailboxAway when the mailbox is full."""
    size = len(mail.raw)
    last_uid, used = connection.execute(
        "SELECT last_uid, used_bytes FROM mailbox WHERE id = ?", (owner.id,)
    ).fetchone()
    if used + size > MAX_MAILBOX:
        raise MailboxAway("The mailbox is full.", hint="It holds 500 MB.")
    mail_id = owner.first + last_uid + 1
    # A clock may be set back; the order of arrival stays.
    (latest,) = connection.execute(
        "SELECT max(received_at) FROM mail WHERE mailbox_id = ?", (owner.id,)
    ).fetchone()
    connection.execute(
        "INSERT INTO mail VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            mail_id,
            owner.id,
            folder_id(connection, owner, role),
            mail.message_id,
            mail.base_subject,
            mail.is_reply,
            max(received_at, latest or 0.0),
            size,
            "seen" in flags,
            "flagged" in flags,
            "answered" in flags,
            mail.has_attachments,
            mail.envelope,
        ),
    )
    connection.execute(
        "INSERT INTO structure VALUES (?, ?, ?, ?)",
        (mail_id, mail.leaves, mail.is_cut, mail.header_bytes),
    )
    connection.executemany(
        "INSERT INTO chunk VALUES (?, ?, ?)",
        [(mail_id, number, octets) for number, octets in enumerate(chunks_of(mail.raw))],
    )
    mentions = [(owner.id, one, mail_id, 0) for one in mail.mentions]
    if mail.message_id:
        mentions.append((owner.id, mail.message_id, mail_id, 1))
    connection.executemany("INSERT INTO mention VALUES (?, ?, ?, ?)", mentions)
    if role == "sent":
        connection.executemany(
            "INSERT INTO recipient VALUES (?, ?, ?)",
            [(owner.id, one, mail_id) for one in mail.recipients],
        )
    text = (mail_id, *(f"{column}{AFTER}" for column in mail.indexed))
    connection.execute("INSERT INTO text VALUES (?, ?, ?, ?, ?)", text)
    connection.execute(
        "INSERT INTO words (rowid, sender, recipients, subject, body) VALUES (?, ?, ?, ?, ?)", text
    )
    connection.execute(
        "UPDATE mailbox SET last_uid = last_uid + 1, used_bytes = used_bytes + ? WHERE id = ?",
        (size, owner.id),
    )
    return mail_id


def remove_mail(connection: sqlite3.Connection, owner: Owner, mail_id: int) -> None:
    """For good: drafts, and all of a tenant that ends."""
    (size,) = connection.execute("SELECT size FROM mail WHERE id = ?", (mail_id,)).fetchone()
    # The index holds no text, so it is told what goes.
    connection.execute(
        "INSERT INTO words (words, rowid, sender, recipients, subject, body)"
        " SELECT 'delete', mail_id, sender, recipients, subject, body FROM text WHERE mail_id = ?",
        (mail_id,),
    )
    for table in ("structure", "chunk", "mention", "recipient", "text"):
        connection.execute(f"DELETE FROM {table} WHERE mail_id = ?", (mail_id,))  # noqa: S608 - our own names
    connection.execute("DELETE FROM mail WHERE id = ?", (mail_id,))
    connection.execute(
        "UPDATE mailbox SET used_bytes = used_bytes - ? WHERE id = ?", (size, owner.id)
    )


def folder_id(connection: sqlite3.Connection, owner: Owner, role: Role) -> int:
    """The folder with that role; every mailbox has one of each."""
    (found,) = connection.execute(
        "SELECT id FROM folder WHERE mailbox_id = ? AND role = ?", (owner.id, role)
    ).fetchone()
    return found


def get_row(connection: sqlite3.Connection, owner: Owner, told: str) -> tuple[int, str | None]:
    """A mail's id and the role of its folder. Raises NoSuchMail."""
    mail_id = owner.meant(told)
    row = connection.execute(
        "SELECT mail.id, folder.role FROM mail JOIN folder ON folder.id = folder_id"
        " WHERE mail.id = ? AND mail.mailbox_id = ?",
        (mail_id, owner.id),
    ).fetchone()
    if row is None:
        raise NoSuchMail("There is no such mail.", hint="search_email gives the ids.")
    return row


def list_mails(
    connection: sqlite3.Connection, owner: Owner, search: Search, limit: int, below: int
) -> list[Summary]:
    """Mails with an id below `below`, the newest first. Raises NoSuchMail for a folder that is not there."""
    criteria = criteria_of(search)
    folders = _folders_of(connection, owner, search.folder)
    criteria.add(f"+mail.folder_id IN ({', '.join('?' * len(folders))})", *folders)
    source, key = "mail", "mail.id"
    match: list[str] = []
    if criteria.words:
        narrowed = _narrowed(connection, criteria.words)
        if narrowed is None:
            return []
        if narrowed:
            source, key = "words CROSS JOIN mail ON mail.id = words.rowid", "words.rowid"
            criteria.clauses.insert(0, "words MATCH ?")
            match = [" AND ".join(narrowed)]
        source += " CROSS JOIN text ON text.mail_id = mail.id"
    where = [*criteria.clauses, f"{key} BETWEEN ? AND ?"]
    values = [*match, *criteria.values, owner.first, min(owner.last, below - 1), limit]
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM {source} JOIN folder ON folder.id = mail.folder_id"  # noqa: S608 - our own names
        f" WHERE {' AND '.join(where)} ORDER BY {key} DESC LIMIT ?",
        values,
    )
    return [summary_of(owner, row) for row in rows]


def _narrowed(connection: sqlite3.Connection, words: Iterable[str]) -> list[str] | None:
    """What to ask the index, so that few mails are left to compare. None: one of the words stands nowhere."""
    asked: list[str] = []
    for word in words:
        if "\0" in word:  # In no mail's text, and the end of what the index is asked.
            return None
        if len(word) >= 3:
            asked.append(match_of(trigrams_of(word), "AND"))
            continue
        going_on = connection.execute(
            "SELECT term FROM letters WHERE term BETWEEN ? AND ? LIMIT ?",
            (word, f"{word}{chr(sys.maxunicode)}", MAX_GOING_ON + 1),
        ).fetchall()
        if not going_on:
            return None
        if len(going_on) <= MAX_GOING_ON:
            asked.append(match_of((term for (term,) in going_on), "OR"))
    return asked


def _folders_of(connection: sqlite3.Connection, owner: Owner, name: str | None) -> list[int]:
    which = "role IS NULL OR role NOT IN ('trash', 'junk')" if name is None else "name = ?"
    rows = connection.execute(
        f"SELECT id FROM folder WHERE mailbox_id = ? AND ({which})",  # noqa: S608 - one of two texts
        (owner.id,) if name is None else (owner.id, name),
    ).fetchall()
    if not rows:
        raise NoSuchMail("There is no such folder.", hint="list_folders gives their names.")
    return [row[0] for row in rows]


def list_by_ids(
    connection: sqlite3.Connection, owner: Owner, mail_ids: Iterable[int]
) -> list[Summary]:
    """Those mails, the oldest first."""
    found: list[Summary] = []
    for mail_id in sorted(mail_ids):
        row = connection.execute(
            f"SELECT {COLUMNS} FROM mail JOIN folder ON folder.id = mail.folder_id"  # noqa: S608 - our own names
            " WHERE mail.id = ? AND mail.mailbox_id = ?",
            (mail_id, owner.id),
        ).fetchone()
        if row is not None:
            found.append(summary_of(owner, row))
    return found


def list_with_message_id(
    connection: sqlite3.Connection, owner: Owner, message_id: str
) -> list[int]:
    """Mails that have it as their own."""
    rows = connection.execute(
        "SELECT mail_id FROM mention WHERE mailbox_id = ? AND message_id = ? AND is_own",
        (owner.id, message_id),
    )
    return [row[0] for row in rows]


def list_thread(connection: sqlite3.Connection, owner: Owner, mail_id: int) -> set[int]:
    """Mails that name one another's Message-IDs, directly or over others (as JWZ threads them); at most 500."""
    mails, ids = {mail_id}, set[str]()
    new_mails = {mail_id}
    while new_mails and len(mails) < MAX_THREAD:
        new_ids = {
            row[0]
            for one in new_mails
            for row in connection.execute(
                "SELECT message_id FROM mention WHERE mail_id = ?", (one,)
            )
        } - ids
        ids |= new_ids
        new_mails = {
            row[0]
            for one in new_ids
            for row in connection.execute(
                "SELECT mail_id FROM mention WHERE mailbox_id = ? AND message_id = ? LIMIT ?",
                (owner.id, one, MAX_THREAD),
            )
        } - mails
        mails |= new_mails
    return mails if len(mails) > 1 else mails | _same_subject(connection, mail_id)


def _same_subject(connection: sqlite3.Connection, mail_id: int) -> set[int]:
    """For replies of programs that name no Message-ID: the same subject within a month."""
    rows = connection.execute(
        "SELECT other.id FROM mail AS own JOIN mail AS other"
        " ON other.mailbox_id = own.mailbox_id AND other.base_subject = own.base_subject"
        " AND other.received_at BETWEEN own.received_at - 2592000 AND own.received_at + 2592000"
        " WHERE own.id = ? AND own.base_subject <> ''"
        " AND NOT EXISTS (SELECT 1 FROM mention WHERE mail_id = own.id AND NOT is_own)"
        " AND (own.is_reply OR other.is_reply) LIMIT 100",
        (mail_id,),
    )
    return {row[0] for row in rows}


def summary_of(owner: Owner, row: tuple[object, ...]) -> Summary:
    """Of a row of COLUMNS."""
    mail_id, folder, message_id, received_at, size, *marks, has_attachments, envelope = row
    return Summary(
        id=owner.told(cast(int, mail_id)),
        folder=cast(str, folder),
        message_id=cast(str, message_id),
        received=datetime.fromtimestamp(cast(float, received_at), UTC),
        size=cast(int, size),
        flags=frozenset(flag for flag, is_set in zip(FLAGS, marks, strict=True) if is_set),
        has_attachments=bool(has_attachments),
        **envelope_from(cast(str, envelope)),
    )


def read_octets(connection: sqlite3.Connection, mail_id: int, start: int, end: int) -> bytes:
    """The octets of a mail from `start` to `end`, without loading the others."""
    pieces: list[bytes] = []
    for number in range(start // CHUNK, -(-end // CHUNK)):
        row = connection.execute(
            "SELECT octets FROM chunk WHERE mail_id = ? AND number = ?", (mail_id, number)
        ).fetchone()
        if row is None:
            break
        base = number * CHUNK
        pieces.append(zlib.decompress(row[0])[max(0, start - base) : end - base])
    return b"".join(pieces)
