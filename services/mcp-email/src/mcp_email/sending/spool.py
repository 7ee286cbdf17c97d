"""Keeps a mail from just before it is sent until its copy is in the sent folder, so that a crash loses no copy.

Nothing is ever sent from here.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
        """Its octets."""
        return self.path.read_bytes()[self.start :]


@dataclass(frozen=True, slots=True)
class Spool:
    """A folder of mails, for its owner's eyes only."""

    folder: Path

    def prepare(self) -> None:
        """Make the folder. Raises BadSetup."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BadSetup(f"The folder {self.folder} cannot be used: {error.strerror}.") from None

    def put(self, caller: Principal, message_id: str, raw: bytes) -> None:
        """Keep it, durably."""
        path = self._path(message_id)
        beside = path.with_suffix(".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(f"{message_id}\n{caller.tenant}/{caller.subject}\n".encode() + raw)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)

    def remove(self, message_id: str) -> None:
        """Forget it, if it is there."""
        self._path(message_id).unlink(missing_ok=True)

    def all(self) -> Sequence[Spooled]:
        """Every mail in it."""
        found: list[Spooled] = []
        for path in sorted(self.folder.glob("*.eml")):
            with path.open("rb") as file:
                message_id, person = (file.readline().decode().rstrip("\n") for _ in range(2))
                found.append(Spooled(message_id, person, path, file.tell()))
        return found

    def _path(self, message_id: str) -> Path:
        return self.folder / f"{hashlib.sha256(message_id.encode()).hexdigest()}.eml"
