"""Writes files that are there whole or not at all, whenever the machine stops; for their owner's eyes only."""

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from mcp_email.errors import StorageAway

LEFT_OVER_S = 3_600.0
"""Nothing takes this long to write: whoever wrote it is gone."""


def write_whole(path: Path, *pieces: bytes) -> None:
    """Durably, in place of what was there. Raises StorageAway: a full disk or a folder that cannot be written."""
    beside = path.with_name(f".{secrets.token_hex(8)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise
    except OSError as error:
        raise storage_away(error) from error


def remove_left_over(folder: Path) -> None:
    """Remove what writers that were killed half-way left in the folder."""
    for path in folder.glob(".????????????????"):
        with suppress(FileNotFoundError):
            if path.lstat().st_mtime < time.time() - LEFT_OVER_S:
                path.unlink()


def storage_away(error: OSError) -> StorageAway:
    """The problem in words, without the machine's paths."""
    return StorageAway(
        f"Nothing can be written to the mail server tool's data folder ({error.strerror}).",
        hint="Whoever runs it has to make room there, or let it write.",
    )
