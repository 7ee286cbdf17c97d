"""How rows are sealed, and what shows that a chain was touched. Pure.

A row's hash is SHA-256 over the hash of the row before it (64 hexadecimal digits; zeros before the first) followed by
the canonical JSON of an object with the row's own `at`, `body`, `call_id`, `kind`, `person_id`, `seq`, `tenant_id` and
`turn_id`. `body` is in it as a string, exactly as it is stored: nobody has to agree with us on how numbers are written.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from orchestrator.audit.canonical import canonical, sha256

NO_HASH = "0" * 64
"""Stands before a tenant's first row."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: its last row's number and hash."""

    seq: int = 0
    row_hash: str = NO_HASH


NOTHING = Head()
"""The end of a chain without rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a row says."""

    tenant_id: str
    at: str
    """UTC, as `instant` writes it."""
    kind: str
    person_id: str | None
    turn_id: str | None
    call_id: str | None
    body: str
    """Canonical JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Entry):
    """An entry in its place."""

    seq: int
    """From 1 on, without gaps, for each tenant."""
    prev_hash: str
    row_hash: str

    @property
    def head(self) -> Head:
        """The end of the chain, if this is its last row."""
        return Head(self.seq, self.row_hash)


@dataclass(frozen=True, slots=True)
class Break:
    """The first row at which a chain does not hold."""

    tenant_id: str
    seq: int
    problem: str


@dataclass(frozen=True, slots=True)
class Whole:
    """A chain, or a stretch of one, that holds."""

    tenant_id: str
    before: Head
    """The row before the first one that was looked at."""
    head: Head

    @property
    def rows(self) -> int:
        return self.head.seq - self.before.seq


def instant(at: datetime) -> str:
    """A time as rows are sealed with it: ISO 8601 in UTC, to the microsecond."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def seal(entry: Entry, after: Head) -> Row:
    """Put an entry at the end of a chain."""
    said = asdict(entry)
    seq = after.seq + 1
    return Row(**said, seq=seq, prev_hash=after.row_hash, row_hash=_hash(said, seq, after.row_hash))


def recomputed_hash(row: Row) -> str:
    """The hash the row must have."""
    said = {name: value for name, value in asdict(row).items() if name not in _PLACE}
    return _hash(said, row.seq, row.prev_hash)


_PLACE = frozenset({"seq", "prev_hash", "row_hash"})


def _hash(said: dict[str, str | None], seq: int, prev_hash: str) -> str:
    return sha256(prev_hash + canonical({**said, "seq": seq}))


class ChainCheck:
    """Walks a tenant's rows in order, those after `before`, and tells where they stop fitting together."""

    def __init__(self, tenant_id: str, before: Head = NOTHING) -> None:
        self.tenant_id = tenant_id
        self.head = before
        """The last row that fits."""
        self._before = before

    def add(self, row: Row) -> Break | None:
        """Look at the next row. None: it fits."""
        expected = self.head.seq + 1
        if row.tenant_id != self.tenant_id:
            return self._break(expected, f"a row of tenant “{row.tenant_id}” stands in its place")
        if row.seq > expected:
            return self._break(expected, f"the row is missing: row {row.seq} comes next")
        if row.seq < expected:
            return self._break(row.seq, f"out of order: it comes after row {self.head.seq}")
        if row.row_hash != recomputed_hash(row):
            return self._break(row.seq, "the row was changed: its hash does not fit its content")
        if row.prev_hash != self.head.row_hash:
            return self._break(row.seq, self._why_not_linked())
        self.head = row.head
        return None

    def end(self, head: Head) -> Whole | Break:
        """Compare the last row with the end that the chain is said to have."""
        if self.head.seq < head.seq:
            return self._break(
                self.head.seq + 1,
                f"the row is missing: the chain's end is said to be row {head.seq}",
            )
        if self.head.seq > head.seq:
            return self._break(
                head.seq + 1, f"the row is too many: the chain's end is said to be row {head.seq}"
            )
        if self.head.row_hash != head.row_hash:
            return self._break(
                head.seq, "the last row's hash is not the one the chain should end with"
            )
        return Whole(self.tenant_id, self._before, self.head)

    def _why_not_linked(self) -> str:
        if self.head.seq == 0:
            return "it claims a row before it, but is the first"
        return f"it does not follow row {self.head.seq}: that one was replaced, or the chain was forked"

    def _break(self, seq: int, problem: str) -> Break:
        return Break(self.tenant_id, seq, problem)
