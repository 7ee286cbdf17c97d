"""Carries a turn's events from the orchestrator to the sockets of this process.

One relay a turn, however many look at it. It keeps what it has carried, so that who joins late or missed something
is served from memory; when nobody looks any more it ends, and the turn goes on without it.
"""

import http.client
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter, Gauge

from frontend.accounts.queries import Person
from frontend.chat.splitter import EventSplitter, RelayedEvent, StreamGarbled
from shared.errors import ExpectedError, NotFound

READ_BYTES = 65_536
MAX_KEPT_CHARACTERS = 16_000_000

log = structlog.get_logger()
relays_running = Gauge("frontend_relays_running", "Turns relayed to sockets by this process.")
events_relayed = Counter("frontend_events_relayed_total", "Events passed on to sockets.")
sockets_cut_off = Counter(
    "frontend_sockets_cut_off_total", "Sockets closed because they fell behind."
)

Stream = AbstractContextManager[http.client.HTTPResponse]
Emit = Callable[[str, str, str], None]
"""Socket id, turn id, JSON of a list of events."""


@dataclass(eq=False, slots=True)
class Relay:
    """One turn on its way to the sockets that follow it."""

    turn_id: str
    person: Person
    emit: Emit
    on_lost: Callable[[str, str], None]
    """Socket id, turn id: the relay broke."""
    _events: list[RelayedEvent] = field(default_factory=list[RelayedEvent])
    _followers: set[str] = field(default_factory=set[str])
    _response: http.client.HTTPResponse | None = None
    _abandoned: bool = False

    def add_follower(self, socket_id: str, after: int) -> None:
        """Send what it lacks, then everything new."""
        missing = [event for event in self._events if event.n > after]
        if missing:
            self.emit(socket_id, self.turn_id, _as_json(missing))
        self._followers.add(socket_id)

    def remove_follower(self, socket_id: str) -> None:
        self._followers.discard(socket_id)
        if not self._followers:
            self._abandon()

    @property
    def is_abandoned(self) -> bool:
        return self._abandoned

    def run(self, stream: Stream) -> None:
        """Read to the end of the turn."""
        relays_running.inc()
        try:
            with stream as response:
                self._response = response
                self._pump(response)
        except (ExpectedError, OSError, http.client.HTTPException, StreamGarbled) as error:
            if not self._abandoned:
                log.warning("relay_lost", turn_id=self.turn_id, error=type(error).__name__)
                self._tell_lost()
        finally:
            self._response = None
            relays_running.dec()

    def _pump(self, response: http.client.HTTPResponse) -> None:
        splitter = EventSplitter()
        kept = 0
        while data := response.read1(READ_BYTES):
            events = splitter.feed(data)
            if not events:
                continue
            kept += sum(len(event.data) for event in events)
            if kept > MAX_KEPT_CHARACTERS:
                raise StreamGarbled
            self._events += events
            batch = _as_json(events)
            for socket_id in list(self._followers):
                self.emit(socket_id, self.turn_id, batch)
            events_relayed.inc(len(events))
        if not self._abandoned and not _is_over(self._events):
            raise http.client.IncompleteRead(b"")

    def _tell_lost(self) -> None:
        for socket_id in list(self._followers):
            self.on_lost(socket_id, self.turn_id)

    def _abandon(self) -> None:
        self._abandoned = True
        if self._response is not None:
            self._response.close()


def _as_json(events: Iterable[RelayedEvent]) -> str:
    return f"[{','.join(event.data for event in events)}]"


def _is_over(events: list[RelayedEvent]) -> bool:
    return bool(events) and '"kind":"turn_finished"' in events[-1].data


@dataclass(slots=True)
class Relays:
    """The relays of this process."""

    open_stream: Callable[[Person, str], Stream]
    """The events of a turn from its first on."""
    start: Callable[..., object]
    """Runs a function in the background."""
    emit: Emit
    on_lost: Callable[[str, str], None]
    _running: dict[str, Relay] = field(default_factory=dict[str, Relay])

    def follow(self, person: Person, turn_id: str, socket_id: str, after: int) -> None:
        """Send a turn's events after a number to a socket, from memory or from the orchestrator.

        Raises:
            NotFound: the turn is somebody else's.
        """
        relay = self._running.get(turn_id)
        if relay is not None and not relay.is_abandoned:
            if relay.person.person_id != person.person_id:
                raise NotFound("There is no such turn.")
            relay.add_follower(socket_id, after)
            return
        self.begin(person, turn_id, self.open_stream(person, turn_id), socket_id)

    def begin(self, person: Person, turn_id: str, stream: Stream, socket_id: str) -> None:
        """Relay a stream that begins with the turn's first event."""
        relay = Relay(turn_id, person, self.emit, self.on_lost)
        relay.add_follower(socket_id, after=0)  # the page skips what it has
        self._running[turn_id] = relay
        self.start(self._run, relay, stream)

    def leave(self, socket_id: str) -> None:
        """A socket is gone or looks elsewhere."""
        for relay in list(self._running.values()):
            relay.remove_follower(socket_id)

    def _run(self, relay: Relay, stream: Stream) -> None:
        try:
            relay.run(stream)
        finally:
            if self._running.get(relay.turn_id) is relay:
                del self._running[relay.turn_id]
