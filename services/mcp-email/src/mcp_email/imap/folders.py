"""The folders a server lists: their names (RFC 3501 section 5.1.3) and what they are for (RFC 6154). Pure."""

import hashlib
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass

from mcp_email.header_text import unsafe_character
from mcp_email.imap.answer import Answer, Unreadable, values
from mcp_email.mail import Role

MAX_FOLDERS = 500
MAX_NAME = 400

_USES: dict[bytes, Role] = {
    b"\\sent": "sent", b"\\drafts": "drafts", b"\\trash": "trash", b"\\junk": "junk", b"\\archive": "archive",
}  # fmt: skip
_CALLED: dict[Role, frozenset[str]] = {
    "sent": frozenset({"sent", "sent items", "sent messages", "sent mail", "gesendet", "gesendete elemente",
                       "gesendete objekte", "envoyés", "éléments envoyés", "enviados", "inviati", "verzonden items"}),
    "drafts": frozenset({"drafts", "draft", "entwürfe", "brouillons", "borradores", "bozze", "concepten"}),
    "trash": frozenset({"trash", "deleted items", "deleted messages", "bin", "papierkorb", "gelöschte elemente",
                        "corbeille", "éléments supprimés", "papelera", "cestino", "prullenbak"}),
    "junk": frozenset({"junk", "junk e-mail", "junk email", "spam", "bulk mail", "junk-e-mail",
                      "courrier indésirable"}),
    "archive": frozenset({"archive", "archives", "archiv", "archivo", "archivio"}),
}  # fmt: skip
"""Last part of the name, for servers that do not say what a folder is for."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A folder that can be opened."""

    raw: bytes
    """The name as the server gave it; nothing else is ever sent as a folder's name."""
    name: str
    """With / between the levels."""
    role: Role | None
    is_everything: bool = False
    """Holds mails that are in other folders, too (\\All, \\Flagged)."""

    @property
    def key(self) -> str:
        """Stands for the name in the ids of mails."""
        return hashlib.sha256(self.raw).hexdigest()[:16]


def listed_folders(answers: Sequence[Answer]) -> list[Listed]:
    """The inbox first, then by name, at most 500. One whose name cannot be shown is left out."""
    folders: dict[bytes, Listed] = {}
    for answer in answers:
        folder = _folder(answer)
        if folder is not None and len(folders) < MAX_FOLDERS:
            folders.setdefault(folder.raw, folder)
    found = _with_roles(list(folders.values()))
    return sorted(found, key=lambda one: (one.role != "inbox", one.name.casefold(), one.raw))


def _folder(answer: Answer) -> Listed | None:
    start = re.match(rb"\* (?:X?LIST|LSUB) ", answer.line, re.IGNORECASE)
    try:
        told = values(answer, start.end()) if start else []
    except Unreadable:
        return None
    if len(told) < 3 or not isinstance(told[0], list) or not isinstance(told[2], bytes):
        return None
    raw, delimiter = told[2], told[1] if isinstance(told[1], bytes) else b""
    uses = {one.lower() for one in told[0] if isinstance(one, bytes)}
    name = decoded_name(raw).replace(delimiter.decode("ascii", "replace") or "/", "/")
    is_shown = 0 < len(raw) <= MAX_NAME and b"\0" not in raw and not unsafe_character(name)
    if not is_shown or uses & {b"\\noselect", b"\\nonexistent"}:
        return None
    if raw.upper() == b"INBOX":
        return Listed(raw, "INBOX", "inbox")
    role: Role | None = next((_USES[use] for use in sorted(uses) if use in _USES), None)
    return Listed(raw, name, role, bool(uses & {b"\\all", b"\\flagged"}))


def _with_roles(folders: list[Listed]) -> list[Listed]:
    """By their names, for each role that the server gave to none."""
    taken = {folder.role for folder in folders}
    for role, names in _CALLED.items():
        fitting = [
            folder
            for folder in folders
            if folder.role is None
            and not folder.is_everything
            and folder.name.rpartition("/")[2].casefold() in names
        ]
        if role in taken or not fitting:
            continue
        best = min(fitting, key=lambda one: (one.name.count("/"), one.name))
        folders[folders.index(best)] = Listed(best.raw, best.name, role)
    return folders


def decoded_name(raw: bytes) -> str:
    """A name in modified UTF-7, or in UTF-8 (RFC 6855); what is neither is shown as it is."""
    if not raw.isascii():
        return raw.decode("utf-8", "replace")
    text = raw.decode("ascii")
    return re.sub(r"&([A-Za-z0-9+,]*)-", _shifted, text)


def _shifted(found: re.Match[str]) -> str:
    if not found[1]:
        return "&"
    try:
        digits = found[1].replace(",", "/")
        return b64decode(digits + "=" * (-len(digits) % 4)).decode("utf-16-be")
    except (NotBase64, UnicodeDecodeError):
        return found[0]
