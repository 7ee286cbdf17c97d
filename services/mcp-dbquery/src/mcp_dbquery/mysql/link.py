"""One connection to a MySQL or MariaDB server: one statement at a time, counted bytes, nothing read from files.

The driver is typed nowhere, and its dangerous defaults (several statements in one call) cannot be given as
arguments, so all that is asked of it is asked here.
"""

import asyncio
import struct
from dataclasses import dataclass
from typing import Any, cast

from aiomysql import connection as driver
from pymysql import err
from pymysql.constants import CLIENT, COMMAND
from pymysql.protocol import FieldDescriptorPacket

from mcp_dbquery.mysql.address import Address

# ruff: noqa: SLF001 - the driver has no public way to reset a session, prepare a statement or see a result's origin

CHARSET = "utf8mb4"
CONNECT_TIMEOUT_S = 10.0
_RESET_CONNECTION = 0x1F
"""COM_RESET_CONNECTION, which the driver does not name."""


ServerError = err.Error
"""What the server, or the driver in its place, says went wrong: `args` are its number and its words."""
Row = tuple[Any, ...]


class TooManyBytes(Exception):
    """The server sends more than may be read. The connection cannot be used any more."""


class Gone(Exception):
    """The connection is closed or was lost. `args[0]` is the number of the driver's error, or 0."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a result as the server describes it."""

    name: str
    type_code: int
    charset: int
    length: int
    origin_column: str
    """The column of a table that it shows, under whatever name; an expression's own name."""


class _Driver(driver.Connection):
    """The driver's connection without several statements in one call, and with a budget of bytes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType] - the driver has no types
        self.client_flag: int = self.client_flag & ~(CLIENT.MULTI_STATEMENTS | CLIENT.LOCAL_FILES)
        self.bytes_left: int | None = None

    async def sign_in(self) -> None:
        await self._connect()  # pyright: ignore[reportUnknownMemberType]

    async def _read_bytes(self, num_bytes: int) -> bytes:
        if self.bytes_left is not None:
            self.bytes_left -= num_bytes
            if self.bytes_left < 0:
                raise TooManyBytes
        return await super()._read_bytes(num_bytes)  # pyright: ignore[reportUnknownMemberType]


class Link:
    """A connection. Used by one task at a time; whatever fails on it, `is_usable` says whether it can go on."""

    def __init__(self, raw: Any, address: Address) -> None:
        self._raw = raw
        self.address = address
        self.clock_offset_s: float | None = None
        """The server's clock against ours, once somebody looked."""

    @property
    def id(self) -> int:
        """The server's number of this connection."""
        return cast("int", self._raw.thread_id())

    @property
    def server_version(self) -> str:
        """As the server tells it: `10.11.6-MariaDB-…` or `8.0.36`."""
        return cast("str", self._raw.get_server_info())

    @property
    def is_usable(self) -> bool:
        """Open, as far as is known here."""
        return not self._raw.closed and not self._raw._reader.at_eof()

    async def run(self, sql: str) -> int:
        """Run a statement and tell how many rows it touched. Raises ServerError, Gone."""
        await self._query(sql, unbuffered=False)
        return cast("int", self._raw.affected_rows())

    async def rows(self, sql: str) -> list[Row]:
        """All rows of a statement. Raises ServerError, Gone."""
        await self._query(sql, unbuffered=False)
        result = self._raw._result
        return list(result.rows or ())

    async def stream(self, sql: str, *, bytes_at_most: int) -> "Stream":
        """Run a statement whose rows are read one by one. Raises ServerError, Gone, TooManyBytes."""
        self._raw.bytes_left = bytes_at_most
        await self._query(sql, unbuffered=True)
        return Stream(self._raw)

    async def describe(self, sql: str) -> list[str]:
        """Let the server compile a statement and tell the columns it would give; nothing runs.

        Raises ServerError, Gone.
        """
        raw = self._raw
        try:
            await raw._execute_command(COMMAND.COM_STMT_PREPARE, sql)
            prepared = await raw._read_packet()
            _, statement, columns, parameters = struct.unpack_from("<BIHH", prepared.get_all_data())
            await self._descriptions(parameters)
            names = await self._descriptions(columns)
            await raw._execute_command(COMMAND.COM_STMT_CLOSE, struct.pack("<I", statement))
        except (err.InterfaceError, ConnectionError) as error:
            raise Gone(0) from error
        return names

    async def reset(self) -> None:
        """Make the session like new: variables, locks, temporary tables, an open transaction are gone.

        Raises ServerError, Gone.
        """
        try:
            await self._raw._execute_command(_RESET_CONNECTION, b"")
            await self._raw._read_ok_packet()
        except (err.InterfaceError, ConnectionError) as error:
            raise Gone(0) from error
        self._raw.bytes_left = None

    def allow(self, more_bytes: int) -> None:
        """Read so many bytes more of what is streaming, to get to its end."""
        if self._raw.bytes_left is not None:
            self._raw.bytes_left += more_bytes

    def literal(self, value: object) -> str:
        """A value as it stands in a statement. Safe only while the session's settings are ours."""
        return cast("str", self._raw.literal(value))

    def close(self) -> None:
        """Close the socket at once. The server may go on with what runs; see `kill`."""
        self._raw.close()

    async def _query(self, sql: str, *, unbuffered: bool) -> None:
        try:
            await self._raw.query(sql, unbuffered=unbuffered)
        except (err.InterfaceError, ConnectionError) as error:
            raise Gone(0) from error

    async def _descriptions(self, count: int) -> list[str]:
        names = [
            cast("str", (await self._raw._read_packet(FieldDescriptorPacket)).name)
            for _ in range(count)
        ]
        if count:
            await self._raw._read_packet()  # their end
        return names


class Stream:
    """The rows of a running statement."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._result = raw._result
        self.fields: list[Field] = [
            Field(
                name=each.name,
                type_code=each.type_code,
                charset=each.charsetnr,
                length=each.length,
                origin_column=each.org_name,
            )
            for each in getattr(self._result, "fields", ())
        ]

    @property
    def warnings(self) -> int:
        """How many warnings the statement gave; known at its end."""
        return cast("int", self._result.warning_count)

    async def next(self) -> Row | None:
        """The next row, None at the end. Raises ServerError, Gone, TooManyBytes."""
        try:
            return cast("Row | None", await self._result._read_rowdata_packet_unbuffered())
        except (err.InterfaceError, ConnectionError) as error:
            raise Gone(0) from error


async def open_link(address: Address) -> Link:
    """Sign in.

    Raises:
        ServerError: the server refuses, or cannot be reached.
    """
    raw = _Driver(
        host=address.host,
        port=address.port,
        unix_socket=address.socket,
        user=address.user,
        password=address.password,
        db=address.database or None,
        charset=CHARSET,
        ssl=address.tls,
        connect_timeout=CONNECT_TIMEOUT_S,
        autocommit=None,
        local_infile=False,
        program_name="mcp-dbquery",
        client_flag=CLIENT.FOUND_ROWS,  # an UPDATE tells of all rows it found, also those that were so already
        loop=asyncio.get_running_loop(),
    )
    link = Link(raw, address)
    is_open = False
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await raw.sign_in()
        is_open = True
    except TimeoutError as error:
        raise err.OperationalError(2003, "no answer in time") from error
    finally:
        if not is_open:
            raw.close()  # pyright: ignore[reportUnknownMemberType]
    return link


async def kill(link: Link) -> None:
    """End what runs on this connection, and the connection, from another one of the same login.

    Raises:
        ServerError: the server cannot be asked. Not when the connection is gone already.
    """
    link.close()
    killer = await open_link(link.address)
    try:
        await killer.run(f"KILL CONNECTION {link.id}")
    except ServerError as error:
        if error.args[:1] != (1094,):  # there is no such connection (any more)
            raise
    finally:
        killer.close()


def quoted_name(name: str) -> str:
    """A name in backticks, as both servers read it in every mode."""
    return "`" + name.replace("`", "``") + "`"
