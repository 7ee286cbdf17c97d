"""Keeps files that are to be sent: by content, per person, for a while. Callers have handles, never paths or URLs."""

import fcntl
import hashlib
import json
import mimetypes
import os
import re
import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mcp_email.errors import BadContent, MailTooLarge, NoSuchMail
from mcp_email.header_text import header_text
from mcp_email.mail import Attached
from mcp_email.whole_file import remove_left_over, storage_away, write_whole
from shared.errors import BadSetup
from shared.service_tokens import Principal

MAX_NAME_OCTETS = 200
RUNS = frozenset(
    """
    apk app appimage bat chm cmd com cpl dll dmg exe gadget hta img inf ins iso jar js jse
    lnk mde msc msi msix msp mst pif ps1 psm1 reg scf scr sct sh shb sys url vb vbe vbs vhd
    vhdx vxd wsc wsf wsh xll
    """.split()  # noqa: SIM905 - read as lines of words
)
"""Endings of names that mail systems refuse, because opening such a file runs it."""
UNKNOWN = "application/octet-stream"

_HANDLE = re.compile(r"att_[A-Za-z0-9_-]{22}")
_MEDIA_TYPE = re.compile(
    r"(?!message/|multipart/)[a-z0-9][a-z0-9!#$&^_+.-]{0,50}/[a-z0-9][a-z0-9!#$&^_+.-]{0,80}"
)
_KNOWN_TYPES = mimetypes.MimeTypes()  # Only what Python knows itself; the machine's lists differ.


@dataclass(frozen=True, slots=True)
class AttachmentStore:
    """A folder of files, each person's in one of their own."""

    folder: Path
    now_s: Callable[[], float]
    """Seconds since 1970."""
    max_bytes: int = 5 * 1024 * 1024
    """Of one file."""
    max_bytes_of_one: int = 100 * 1024 * 1024
    """Of one person's files together."""
    keep_s: float = 86_400.0

    def prepare(self) -> None:
        """Make the folder, for its owner's eyes only. Raises BadSetup."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            raise BadSetup(
                f"The folder for attachments {self.folder} cannot be used: {error.strerror}."
            ) from None

    def add(
        self, owner: Principal, name: str, content: bytes, media_type: str | None = None
    ) -> Attached:
        """Keep a file and give it a handle, which only its owner can use and which expires after `keep_s`.

        Raises:
            BadContent: its name cannot be shown, or says that it is a program.
            MailTooLarge: the file, or all of the person's files together.
            StorageAway: the disk is full, or cannot be written.
        """
        attached = Attached(
            handle=f"att_{secrets.token_urlsafe(16)}",
            name=file_name(name),
            media_type=_media_type(media_type, name),
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        record = asdict(attached) | {"expires_at_s": self.now_s() + self.keep_s}
        folder = self._folder_of(owner)
        with self._alone():
            self._remove_expired()
            self._keep_to_limits(owner, attached.size)
            folder.mkdir(mode=0o700, exist_ok=True)
            write_whole(folder / attached.sha256, content)
            write_whole(folder / f"{attached.handle}.json", json.dumps(record).encode())
        return attached

    def remove_expired(self) -> None:
        """Everybody's. Raises StorageAway."""
        with self._alone():
            self._remove_expired()

    def get(self, owner: Principal, handle: str) -> Attached:
        """What is known of the file. Raises NoSuchMail: expired, never there, or another person's."""
        record = None
        if _HANDLE.fullmatch(handle):
            record = _read_record(self._folder_of(owner) / f"{handle}.json")
        if record is None or record.pop("expires_at_s") <= self.now_s():
            raise NoSuchMail("There is no such attachment.", hint="Add the file again.")
        return Attached(**record)

    def read(self, owner: Principal, handle: str) -> bytes:
        """The file's octets, the ones that were added. Raises NoSuchMail."""
        attached = self.get(owner, handle)
        try:
            content = _read(self._folder_of(owner) / attached.sha256)
        except OSError:
            content = b""
        if hashlib.sha256(content).hexdigest() != attached.sha256:
            raise NoSuchMail("The attachment is not there any more.", hint="Add the file again.")
        return content

    @contextmanager
    def _alone(self) -> Generator[None]:
        """One writer at a time, of all processes: what one adds would be what another finds no handle for."""
        try:
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)
        except OSError as error:
            raise storage_away(error) from error

    def _remove_expired(self) -> None:
        """Remove handles past their time, and contents that no handle names."""
        for folder in self.folder.iterdir():
            if folder.is_symlink() or not folder.is_dir():
                continue
            remove_left_over(folder)
            named: set[str] = set()
            for path in folder.glob("att_*.json"):
                record = _read_record(path)
                if record is None or record["expires_at_s"] <= self.now_s():
                    path.unlink(missing_ok=True)
                else:
                    named.add(record["sha256"])
            for path in folder.iterdir():
                if re.fullmatch(r"[0-9a-f]{64}", path.name) and path.name not in named:
                    path.unlink(missing_ok=True)

    def _folder_of(self, owner: Principal) -> Path:
        told = json.dumps([owner.tenant, owner.subject]).encode()
        return self.folder / hashlib.sha256(told).hexdigest()

    def _keep_to_limits(self, owner: Principal, size: int) -> None:
        folder = self._folder_of(owner)
        kept = sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0
        for limit, needed, allowed in (
            ("attachment_bytes", size, self.max_bytes),
            ("attachments_kept_bytes", kept + size, self.max_bytes_of_one),
        ):
            if needed > allowed:
                raise MailTooLarge(
                    f"The attachment is beyond the limit {limit}: {needed} of {allowed}.",
                    limit=limit,
                    size=needed,
                )


def file_name(name: str) -> str:
    """The name as it is displayed: the last part of a path, without what would hide its ending.

    Raises:
        BadContent: it is none, or it is that of a program.
    """
    header_text(name, "attachment name", max_octets=4 * MAX_NAME_OCTETS)
    shown = " ".join(re.split(r"[/\\]", name)[-1].split()).strip(" .")
    if not shown or set(shown) & set('<>:"|?*'):
        raise BadContent("The attachment has no usable name.", field="attachment name")
    if len(shown.encode()) > MAX_NAME_OCTETS:
        raise BadContent("The attachment's name is too long.", field="attachment name")
    ending = shown.rpartition(".")[2].strip().lower()
    if ending in RUNS:
        raise BadContent(
            f"Files that end in .{ending} are not sent: mail systems refuse programs.",
            field="attachment name",
        )
    return shown


def _media_type(media_type: str | None, name: str) -> str:
    """As given, else by the name. Never a kind that readers would open as a mail of its own."""
    told = media_type.lower() if media_type else _KNOWN_TYPES.guess_type(name)[0]
    return told if told and _MEDIA_TYPE.fullmatch(told) else UNKNOWN


def _read(path: Path) -> bytes:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        return file.read()


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(_read(path))
    except (OSError, ValueError):
        return None
