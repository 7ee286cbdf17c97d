"""Carries a turn's events from the orchestrator to the sockets of this process.

One relay a turn, however many look at it. It keeps what it has carried, so that who joins late or missed something
is served from memory. When nobody has looked for a while it ends, and the turn goes on without it.
"""

import http.client
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from prometheus_client import Counter, Gauge

from frontend.accounts.queries import Person
from frontend.chat.splitter import EventSplitter, RelayedEvent, StreamGarbled
from shared.errors import NotFound

MAX_KEPT_CHARACTERS = 16_000_000

log = structlog.get_logger()
relays_running = Gauge("frontend_relays_running", "Turns relayed to sockets by this process.")
events_relayed = Counter("frontend_events_relayed_total", "Events passed on to sockets.")
relays_lost = Counter("frontend_relays_lost_total", "Relays that broke before the turn's end.")
sockets_cut_off = Counter(
    "frontend_sockets_cut_off_total", "Sockets closed because they fell behind."
)

Emit = Callable[[str, str, str], None]
"""Socket id, turn id, JSON of a list of events."""


class Stream(Protocol):
    """Bytes of server-sent events. `frontend.orchestrator.Stream` is the real one."""

    def read(self) -> bytes:
        """Waits for more; empty at the end. Raises OSError or HTTPException when it breaks."""
        ...

    def interrupt(self) -> None:
        """Ends a read that waits."""
        ...

    def close(self) -> None: ...


@dataclass(eq=False, slots=True)
class Relay:
    """One turn on its way to the sockets that follow it."""

    turn_id: str
    person: Person
    stream: Stream
    emit: Emit
    on_lost: Callable[[str, str], None]
    """Socket id, turn id: the relay broke."""
    is_stopped: bool = False
    """Nobody watched. Who comes now needs another relay."""
    _events: list[RelayedEvent] = field(default_factory=list[RelayedEvent])
    _followers: dict[str, int] = field(default_factory=dict[str, int])
    """Socket ids, and the number of the last event each said it has."""

    def add_follower(self, socket_id: str, after: int) -> None:
        """Send what it lacks, then everything new."""
        self._send(socket_id, self._events, after)
        self._followers[socket_id] = after

    def remove_follower(self, socket_id: str) -> bool:
        """Whether that was the last one."""
        return self._followers.pop(socket_id, None) is not None and not self._followers

    @property
    def is_watched(self) -> bool:
        return bool(self._followers)

    def stop(self) -> None:
        self.is_stopped = True
        self.stream.interrupt()

    def run(self) -> None:
        """Read to the end of the turn, or until stopped."""
        relays_running.inc()
        try:
            is_complete = self._pump()
            problem = "" if is_complete else "ended early"
        except (OSError, http.client.HTTPException, StreamGarbled) as error:
            problem = type(error).__name__
        finally:
            self.stream.close()
            relays_running.dec()
        if problem and not self.is_stopped:
            log.warning("relay_lost", turn_id=self.turn_id, problem=problem)
            self.tell_lost()

    def tell_lost(self) -> None:
        relays_lost.inc()
        for socket_id in list(self._followers):
            self.on_lost(socket_id, self.turn_id)

    def _pump(self) -> bool:
        """Whether the turn's last event came."""
        splitter = EventSplitter()
        kept = 0
        while data := self.stream.read():
            events = splitter.feed(data)
            if not events:
                continue
            kept += sum(len(event.data) for event in events)
            if kept > MAX_KEPT_CHARACTERS:
                raise StreamGarbled
            self._events += events
            self._send_all(events)
            events_relayed.inc(len(events))
            if events[-1].is_last:
                return True
        return False

    def _send_all(self, events: Sequence[RelayedEvent]) -> None:
        batch = _as_json(events)
        for socket_id, after in list(self._followers.items()):
            if events[0].n > after:
                self.emit(socket_id, self.turn_id, batch)
            else:
                self._send(socket_id, events, after)

    def _send(self, socket_id: str, events: Iterable[RelayedEvent], after: int) -> None:
        missing = [event for event in events if event.n > after]
        if missing:
            self.emit(socket_id, self.turn_id, _as_json(missing))


def _as_json(events: Iterable[RelayedEvent]) -> str:
    return f"[{','.join(event.data for event in events)}]"


@dataclass(slots=True)
class Relays:
    """The relays of this process."""

    open_stream: Callable[[Person, str], Stream]
    """The events of a turn from its first on. Raises ExpectedError."""
    start: Callable[..., object]
    """Runs a function in the background."""
    sleep: Callable[[float], object]
    emit: Emit
    on_lost: Callable[[str, str], None]
    grace_s: float
    """How long a relay waits for somebody to come back, as a page does that is loaded again."""
    _running: dict[str, Relay] = field(default_factory=dict[str, Relay])

    def follow(self, person: Person, turn_id: str, socket_id: str, after: int) -> None:
        """Send a turn's events after a number to a socket, from memory or from the orchestrator.

        Raises:
            ExpectedError: there is no such turn for this person, or the orchestrator does not answer.
        """
        if not self._joined(person, turn_id, socket_id, after):
            stream = self.open_stream(person, turn_id)
            self.begin(person, turn_id, stream, socket_id, after)

    def begin(
        self, person: Person, turn_id: str, stream: Stream, socket_id: str, after: int = 0
    ) -> None:
        """Relay a stream that begins with the turn's first event."""
        if self._joined(person, turn_id, socket_id, after):  # somebody opened one meanwhile
            stream.close()
            return
        relay = Relay(turn_id, person, stream, self.emit, self.on_lost)
        relay.add_follower(socket_id, after)
        self._running[turn_id] = relay
        self.start(self._run, relay)

    def leave(self, socket_id: str) -> None:
        """A socket is gone or looks elsewhere."""
        for relay in list(self._running.values()):
            if relay.remove_follower(socket_id):
                self.start(self._stop_if_unwatched, relay)

    def _joined(self, person: Person, turn_id: str, socket_id: str, after: int) -> bool:
        relay = self._running.get(turn_id)
        if relay is None or relay.is_stopped:
            return False
        whose = relay.person
        if (whose.tenant_id, whose.person_id) != (person.tenant_id, person.person_id):
            raise NotFound("There is no such turn.")
        relay.add_follower(socket_id, after)
        return True

    def _run(self, relay: Relay) -> None:
        try:
            relay.run()
        except Exception:  # the last door: whoever watches must hear of it
            log.exception("relay_crashed", turn_id=relay.turn_id)
            relay.tell_lost()
        finally:
            if self._running.get(relay.turn_id) is relay:
                del self._running[relay.turn_id]

    def _stop_if_unwatched(self, relay: Relay) -> None:
        self.sleep(self.grace_s)
        if not relay.is_watched:
            relay.stop()
