"""Opens a zip archive that may be a bomb: sizes are looked at first, and no more is unpacked than they say."""

import io
import zipfile
import zlib
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from mcp_search.knowledge.parsing.trouble import NoText, damaged, unreadable

MAX_ENTRIES = 10_000
MAX_RATIO = 100
"""Unpacked to packed."""
FREE_BYTES = 1024 * 1024
"""A part of up to this size may be packed as tightly as it likes: empty templates are."""
MAX_UNPACKED = 1024 * 1024 * 1024
_ENCRYPTED = 1


class Archive:
    """Gives the parts of one archive."""

    def __init__(self, content: bytes, what: str) -> None:
        """Raises NoText: it is damaged, protected, or a bomb by what it says of itself."""
        self._what = what
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
            raise damaged(what) from None
        entries = self._zip.infolist()
        if len(entries) > MAX_ENTRIES:
            raise _bomb()
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise unreadable("encrypted", f"The {what} is protected by a password.")
        declared = sum(entry.file_size for entry in entries)
        if declared > max(FREE_BYTES, min(MAX_RATIO * len(content), MAX_UNPACKED)):
            raise _bomb()

    def names(self) -> set[str]:
        return set(self._zip.namelist())

    def part(self, name: str) -> bytes | None:
        """None where there is none of that name. Raises NoText."""
        try:
            entry = self._zip.getinfo(name)
        except KeyError:
            return None
        most = max(FREE_BYTES, MAX_RATIO * entry.compress_size)
        if entry.file_size > most:
            raise _bomb()
        try:
            with self._zip.open(entry) as stream:
                content = stream.read(entry.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError):
            raise damaged(self._what) from None
        if len(content) > entry.file_size:
            raise _bomb()
        return content

    def xml(self, name: str) -> Element | None:
        """A part as XML. Raises NoText; declarations of document types are refused, and entities with them."""
        content = self.part(name)
        if content is None:
            return None
        try:
            return fromstring(content, forbid_dtd=True)
        except DefusedXmlException:
            raise unreadable(
                "bomb",
                f"The {self._what} declares a document type (a way to XML bombs). It is not opened.",
            ) from None
        except (ParseError, ValueError, LookupError):
            raise damaged(self._what) from None


def _bomb() -> NoText:
    return unreadable(
        "bomb", "The file unpacks to far more than its size allows (a zip bomb). It is not opened."
    )
