"""Keeps a mail from just before it is sent until its copy is in the sent folder, so that a crash loses no copy.

Nothing is ever sent from here.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mcp_email.whole_file import remove_left_over, write_whole
from shared.errors import BadSetup
from shared.service_tokens import Principal


@dataclass(frozen=True, slots=True)
class Spooled:
    """A mail whose copy may be missing."""

    message_id: str
    person: str
    """`tenant/subject`."""
    path: Path
    start: int

    def read(self) -> bytes:
        """Its octets. Raises FileNotFoundError: forgotten meanwhile."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read()


@dataclass(frozen=True, slots=True)
class Spool:
    """A folder of mails, for its owner's eyes only."""

    folder: Path

    def prepare(self) -> None:
        """Make the folder. Raises BadSetup."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            remove_left_over(self.folder)
        except OSError as error:
            raise BadSetup(f"The folder {self.folder} cannot be used: {error.strerror}.") from None

    def put(self, caller: Principal, message_id: str, raw: bytes) -> None:
        """Keep it, durably. Raises StorageAway."""
        head = json.dumps([message_id, f"{caller.tenant}/{caller.subject}"])
        write_whole(self._path(message_id), f"{head}\n".encode(), raw)

    def remove(self, message_id: str) -> None:
        """Forget it, if it is there. Where that cannot be done it is looked at again later."""
        with suppress(OSError):
            self._path(message_id).unlink()

    def all(self) -> Sequence[Spooled]:
        """Every mail in it but those that cannot be read, or are sent and forgotten meanwhile."""
        found: list[Spooled] = []
        for path in sorted(self.folder.glob("*.eml")):
            with suppress(OSError, ValueError), path.open("rb") as file:
                message_id, person = json.loads(file.readline())
                found.append(Spooled(message_id, person, path, file.tell()))
        return found

    def _path(self, message_id: str) -> Path:
        return self.folder / f"{hashlib.sha256(message_id.encode()).hexdigest()}.eml"
