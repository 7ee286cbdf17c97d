"""One account's server: lends connections, knows its folders, finds mails by their ids."""

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from mcp_email.errors import MailboxAway, NoSuchMail
from mcp_email.imap.answer import Answer
from mcp_email.imap.connection import Lost, Said
from mcp_email.imap.folders import Listed, listed_folders
from mcp_email.imap.link import Link, State
from mcp_email.imap.pool import Pool
from mcp_email.imap.sign_in import SignIn
from mcp_email.imap.words import Unusable, in_words
from mcp_email.mail import Role
from shared.errors import BadSetup

Done = TypeVar("Done")

LIST_FOR_S = 60.0
MAX_UID = 4_294_967_295

_ID = re.compile(r"([0-9a-f]{16})-([1-9][0-9]{0,9})-([1-9][0-9]{0,9})")
_GONE = frozenset({"NONEXISTENT", "TRYCREATE", ""})


class MailId(NamedTuple):
    """Where a mail is: a folder by its key, that folder's UIDVALIDITY, and the UID."""

    key: str
    uid_validity: int
    uid: int

    def __str__(self) -> str:
        return f"{self.key}-{self.uid_validity}-{self.uid}"


def mail_id(text: str) -> MailId:
    """Raises NoSuchMail for what no mailbox of this kind gave out."""
    found = _ID.fullmatch(text)
    if found is None or max(int(found[2]), int(found[3])) > MAX_UID:
        raise no_such_mail()
    return MailId(found[1], int(found[2]), int(found[3]))


def no_such_mail() -> NoSuchMail:
    """For every mail that is not there, whatever the reason."""
    return NoSuchMail(
        "There is no such mail.", hint="It may have been moved; look for it with search_email."
    )


@dataclass(slots=True)
class Access:
    """Belongs to one event loop."""

    sign_in: SignIn
    pool: Pool
    _listed: tuple[float, list[Listed]] = (0.0, [])
    _by_key: dict[str, Listed] = field(default_factory=dict[str, Listed])

    async def work(
        self, doing: Callable[[Link], Awaitable[Done]], *, may_repeat: bool = True
    ) -> Done:
        """Do it with a connection; once more with a new one when a used one turns out to be closed.

        `may_repeat` is False for what must not be done twice. Raises MailboxAway, and what `doing` raises of its own.
        """
        try:
            try:
                async with self.pool.lent() as link:
                    return await self._done(doing, link)
            except _WasClosed as closed:
                if not may_repeat:
                    raise closed.error from None
            async with self.pool.lent(fresh=True) as link:
                return await doing(link)
        except Unusable as error:
            raise MailboxAway(str(error)) from None
        except BadSetup:
            raise MailboxAway(
                "The secret to sign in with cannot be read.", hint="Tell who runs this server."
            ) from None
        except (Lost, Said, OSError) as error:
            told = in_words(error, self.sign_in.server, self.sign_in.secrets)
            raise MailboxAway(str(told)) from None

    async def _done(self, doing: Callable[[Link], Awaitable[Done]], link: Link) -> Done:
        try:
            return await doing(link)
        except (Lost, Said) as error:
            is_gone = isinstance(error, Lost) or error.status == "BYE"
            if is_gone and link.is_used:
                raise _WasClosed(error) from None
            raise

    async def folders(self, link: Link, *, is_fresh: bool = False) -> list[Listed]:
        """All folders, the inbox first; as known for a minute unless `is_fresh`."""
        listed_at, folders = self._listed
        if is_fresh or not folders or time.monotonic() - listed_at > LIST_FOR_S:
            folders = listed_folders(await _list(link))
            self._listed = time.monotonic(), folders
            self._by_key = {folder.key: folder for folder in folders}
        return folders

    async def folder(self, link: Link, name: str) -> Listed:
        """The folder with exactly this name. Raises NoSuchMail."""
        for is_fresh in (False, True):
            for folder in await self.folders(link, is_fresh=is_fresh):
                if folder.name == name:
                    return folder
        raise NoSuchMail("There is no such folder.", hint="list_folders names them.")

    async def for_role(self, link: Link, role: Role) -> Listed:
        """The folder for this. Raises NoSuchMail."""
        for is_fresh in (False, True):
            for folder in await self.folders(link, is_fresh=is_fresh):
                if folder.role == role:
                    return folder
        raise NoSuchMail(
            f"The mailbox has no folder for {role}.", hint="Make one with a mail program."
        )

    async def located(self, link: Link, place: MailId) -> Listed:
        """The folder of a mail. Raises NoSuchMail."""
        await self.folders(link)
        if place.key not in self._by_key:
            await self.folders(link, is_fresh=True)
        if place.key not in self._by_key:
            raise no_such_mail()
        return self._by_key[place.key]

    async def opened(
        self, link: Link, place: MailId, *, writes: bool = False
    ) -> tuple[Listed, State]:
        """Open the folder of a mail. Raises NoSuchMail, also when its UIDVALIDITY is another one by now."""
        folder = await self.located(link, place)
        try:
            state = await link.open(folder.raw, writes=writes, is_fresh=False)
            if place.uid >= state.uid_next:  # It came since, so this connection may not see it yet.
                state = await link.open(folder.raw, writes=writes)
        except Said as said:
            if said.status == "NO" and said.code in _GONE:
                raise no_such_mail() from None
            raise
        if state.uid_validity != place.uid_validity:
            raise no_such_mail()
        return folder, state


class _WasClosed(Exception):
    def __init__(self, error: Lost | Said) -> None:
        super().__init__()
        self.error = error


async def _list(link: Link) -> Sequence[Answer]:
    words = [b"LIST", b'""', b'"*"']
    if link.can("SPECIAL-USE") and link.can("LIST-EXTENDED"):
        words += [b"RETURN", b"(SPECIAL-USE)"]
    return (await link.connection.command(*words)).untagged(b"LIST")
