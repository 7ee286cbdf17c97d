"""What the page says over its socket: watch, follow, ask, stop, decide. Every message is answered."""

import socket
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import Annotated, Any, Literal, TypeVar, cast

import structlog
from flask import Flask, session
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from redis.exceptions import RedisError
from socketio.exceptions import ConnectionRefusedError as Refused
from sqlalchemy.exc import SQLAlchemyError

from frontend.accounts.queries import Person, find_person
from frontend.chat.announce import PATH_CHANGED, conversation_room, person_room, session_room
from frontend.chat.relay import Relays, sockets_cut_off
from frontend.orchestrator import OrchestratorError, Stream
from frontend.parts import Parts
from frontend.sign_in.session_rows import find_session, list_good
from frontend.sign_in.sessions import KEY, hash_of_key, signed_in_person, store_name
from shared.errors import (
    INTERNAL_ERROR_BODY,
    ExpectedError,
    InvalidInput,
    NotSignedIn,
    Unavailable,
)

CONNECTION = "steward.connection"
"""Where the server puts the TCP socket of a request into its WSGI environment."""
CLOSE_AFTER_S = 0.5
ENDED = "sessions-ended"
"""The Redis channel on which replicas tell one another the keys of sessions that are over."""
LATEST_CONVERSATIONS = "/v1/conversations?limit=5"
MAX_EVENT_NUMBER = 10**12

log = structlog.get_logger()

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Ack = dict[str, Any]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Watch(_Message):
    """Look at a conversation."""

    conversation_id: Identifier


class Follow(_Message):
    """Get a turn's events after a number."""

    turn_id: Identifier
    after: Annotated[int, Field(ge=0, le=MAX_EVENT_NUMBER)] = 0


class Ask(_Message):
    """Ask a question."""

    conversation_id: Identifier
    client_id: Identifier
    text: str
    replaces: Identifier | None = None
    """The turn of which this is another version."""
    temporary: bool = False
    """Whether the conversation, if this begins it, is one that is not kept."""


class Stop(_Message):
    """Stop a turn."""

    turn_id: Identifier


class Decide(_Message):
    """Say yes or no to a call."""

    call_id: Identifier
    decision: Literal["approve", "reject"]
    arguments: dict[str, JsonValue] | None = None
    note: str = ""
    grant: dict[str, JsonValue] | None = None
    """Give the yes for longer; judged by the orchestrator (`shared.wire.api.GrantWish`)."""


@dataclass(slots=True)
class Viewer:
    """A connected page: whose it is and what it looks at."""

    person: Person
    session_id: str
    session_key: str
    connection: socket.socket | None
    """The TCP connection, where the server gives it away."""
    conversation_id: str | None = None


MessageT = TypeVar("MessageT", bound=_Message)


class Sockets:
    """Handles the messages of all sockets of this process."""

    def __init__(self, server: Any, app: Flask, parts: Parts) -> None:
        # python-socketio's server is not typed, so it is Any here.
        self._server = server
        self._app = app
        self._parts = parts
        self._viewers: dict[str, Viewer] = {}
        self._relays = Relays(
            open_stream=self._open_stream,
            start=server.start_background_task,
            sleep=server.sleep,
            emit=self._emit_events,
            on_lost=self._tell_lost,
            grace_s=parts.settings.relay_grace_s,
        )
        server.on("connect", self._connect)
        server.on("disconnect", self._disconnect)
        for name, message_type, handle in (
            ("watch", Watch, self._watch),
            ("follow", Follow, self._follow),
            ("ask", Ask, self._ask),
            ("stop", Stop, self._stop),
            ("decide", Decide, self._decide),
        ):
            server.on(name, self._answering(message_type, cast(Any, handle)))

    def emit(self, event: str, body: dict[str, Any], room: str) -> None:
        """To all sockets in a room, on every replica."""
        self._server.emit(event, body, to=room)

    def end_session(self, session_key: str) -> None:
        """Tell the pages of a session that it is over, on every replica, and close those that are here.

        The other replicas hear of it; one that cannot finds out at its next check.
        """
        self.emit("signed_out", {}, session_room(session_key))
        self._close_pages_of(session_key)
        cast(Any, self._parts.redis).publish(ENDED, session_key)

    def check_sessions(self) -> None:
        """Close the sockets of sessions that are over: expired, or ended while this replica could not hear of it."""
        viewers = list(self._viewers.items())
        if not viewers:
            return
        names = sorted({store_name(viewer.session_id) for _, viewer in viewers})
        found = cast("list[object]", self._parts.redis.mget(names))
        kept = {name for name, value in zip(names, found, strict=True) if value is not None}
        hashes = {hash_of_key(viewer.session_key) for _, viewer in viewers}
        with self._parts.database.transaction() as transaction:
            good = list_good(transaction, hashes, self._parts.now())
        for socket_id, viewer in viewers:
            is_kept = store_name(viewer.session_id) in kept
            if not is_kept or hash_of_key(viewer.session_key) not in good:
                self._sign_out(socket_id)

    def keep_checking_sessions(self) -> None:
        """Listen for sessions that end on other replicas, and check all now and then. Never returns."""
        redis = cast(Any, self._parts.redis)  # its types know nothing of what is heard
        ended = redis.pubsub(ignore_subscribe_messages=True)
        every_s, check_at = self._parts.settings.session_check_s, 0.0
        while True:
            try:
                if not ended.subscribed:
                    ended.subscribe(ENDED)
                if monotonic() >= check_at:
                    self.check_sessions()
                    check_at = monotonic() + every_s
                heard = ended.get_message(timeout=max(0.0, check_at - monotonic()))
                if heard is not None:
                    self._close_pages_of(heard["data"].decode())
            except (RedisError, SQLAlchemyError) as error:
                # Nobody is thrown out because either is away; their messages are refused meanwhile.
                log.warning("sessions_not_checked", error=type(error).__name__)
                self._server.sleep(every_s)

    def close_all(self) -> None:
        """This replica stops: pages connect again, to another one or to the next version."""
        for socket_id in list(self._viewers):
            self._server.disconnect(socket_id, ignore_queue=True)

    # --- connections

    def _connect(self, socket_id: str, environ: dict[str, Any], _auth: object = None) -> None:
        try:
            with self._app.request_context(environ):
                viewer = _viewer_of_request(environ.get(CONNECTION))
        except (RedisError, SQLAlchemyError) as error:
            log.warning("socket_refused", error=type(error).__name__)
            raise Refused("unavailable") from None
        if viewer is None:
            raise Refused("signed_out")
        self._viewers[socket_id] = viewer
        self._server.enter_room(socket_id, person_room(viewer.person))
        self._server.enter_room(socket_id, session_room(viewer.session_key))

    def _disconnect(self, socket_id: str, *_: object) -> None:
        self._viewers.pop(socket_id, None)
        self._relays.leave(socket_id)

    def _answering(
        self, message_type: type[MessageT], handle: Callable[[str, Viewer, MessageT], Ack]
    ) -> Callable[..., Ack]:
        """Check who asks and what; answer with what came of it."""

        def answer(socket_id: str, raw: object = None, *_: object) -> Ack:
            structlog.contextvars.bind_contextvars(request_id=uuid.uuid4().hex)
            try:
                viewer = self._checked_viewer(socket_id)
                return {"ok": True, **handle(socket_id, viewer, message_type.model_validate(raw))}
            except ValidationError as error:
                return _refusal(InvalidInput(_first_problem(error)).body())
            except ExpectedError as error:
                return _refusal(error.body())
            except RedisError as error:
                log.warning("redis_unavailable", error=type(error).__name__)
                return _refusal(Unavailable("This is not available right now.").body())
            except (
                Exception
            ):  # the last door: a message without an answer would leave its page waiting
                log.exception("socket_message_crashed")
                return _refusal(INTERNAL_ERROR_BODY)

        return answer

    def _checked_viewer(self, socket_id: str) -> Viewer:
        """The viewer, with the roles that the person has now.

        Raises:
            NotSignedIn: the session ended since the socket was opened, or the person belongs no more to the tenant.
        """
        viewer = self._viewers.get(socket_id)
        if viewer is None or not self._is_still_in(viewer):
            self._sign_out(socket_id)
            raise NotSignedIn("You are signed out. Sign in again.")
        return viewer

    def _is_still_in(self, viewer: Viewer) -> bool:
        if not self._parts.redis.exists(store_name(viewer.session_id)):
            return False
        person = viewer.person
        with self._parts.database.transaction() as transaction:
            session_hash = hash_of_key(viewer.session_key)
            if find_session(transaction, session_hash, self._parts.now()) is None:
                return False
            now = find_person(transaction, person.person_id, person.tenant_id)
        if now is None or now.tenant_id != person.tenant_id:
            return False
        viewer.person = replace(now, session=person.session)
        return True

    def _close_pages_of(self, session_key: str) -> None:
        for socket_id, viewer in list(self._viewers.items()):
            if viewer.session_key == session_key:
                self._server.start_background_task(self._close_soon, socket_id)

    def _sign_out(self, socket_id: str) -> None:
        self._server.emit("signed_out", {}, to=socket_id, ignore_queue=True)
        self._server.start_background_task(self._close_soon, socket_id)

    def _close_soon(self, socket_id: str) -> None:
        self._relays.leave(socket_id)
        self._server.sleep(CLOSE_AFTER_S)  # long enough for the page to read why
        self._server.disconnect(socket_id, ignore_queue=True)

    # --- messages

    def _watch(self, socket_id: str, viewer: Viewer, message: Watch) -> Ack:
        person = viewer.person
        if viewer.conversation_id is not None:
            left = conversation_room(person, viewer.conversation_id)
            self._server.leave_room(socket_id, left)
            self._relays.leave(socket_id)
        viewer.conversation_id = message.conversation_id
        # Joined before it is read, so that nothing falls between the two.
        joined = conversation_room(person, message.conversation_id)
        self._server.enter_room(socket_id, joined)
        try:
            path = f"/v1/conversations/{message.conversation_id}"
            return {"conversation": self._parts.orchestrator.call(person, "GET", path)}
        except OrchestratorError as error:
            if error.answered_status == 404:
                return {"conversation": None}
            raise

    def _follow(self, socket_id: str, viewer: Viewer, message: Follow) -> Ack:
        self._relays.follow(viewer.person, message.turn_id, socket_id, message.after)
        self._forget_if_gone(socket_id)
        return {}

    def _ask(self, socket_id: str, viewer: Viewer, message: Ask) -> Ack:
        person = viewer.person
        path = f"/v1/conversations/{message.conversation_id}"
        kind = {"temporary": True} if message.temporary else None
        self._parts.orchestrator.call(person, "PUT", path, kind)
        body = message.model_dump(include={"client_id", "text", "replaces"}, exclude_none=True)
        stream = self._parts.orchestrator.stream(person, "POST", f"{path}/turns", body)
        self._relays.begin(person, stream.turn_id, stream, socket_id)
        self._forget_if_gone(socket_id)
        self._server.start_background_task(self._announce, person, message, stream.turn_id)
        return {"turn_id": stream.turn_id}

    def _stop(self, _: str, viewer: Viewer, message: Stop) -> Ack:
        path = f"/v1/turns/{message.turn_id}/cancellation"
        self._parts.orchestrator.call(viewer.person, "PUT", path)
        return {}

    def _decide(self, _: str, viewer: Viewer, message: Decide) -> Ack:
        path = f"/v1/calls/{message.call_id}/decision"
        body = message.model_dump(exclude={"call_id"}, exclude_none=True)
        return self._parts.orchestrator.call(viewer.person, "PUT", path, body)

    # --- events

    def _open_stream(self, person: Person, turn_id: str) -> Stream:
        headers = {"Last-Event-ID": "0"}
        return self._parts.orchestrator.stream(
            person, "GET", f"/v1/turns/{turn_id}/events", headers=headers
        )

    def _forget_if_gone(self, socket_id: str) -> None:
        """The page may have left while the orchestrator was asked."""
        if socket_id not in self._viewers:
            self._relays.leave(socket_id)

    def _announce(self, person: Person, asked: Ask, turn_id: str) -> None:
        """The new turn to the other tabs, and the conversation's new title and time to all side lists."""
        news = asked.model_dump(include={"conversation_id", "client_id"})
        room = conversation_room(person, asked.conversation_id)
        if asked.replaces is None:
            self.emit("turn", {**news, "turn_id": turn_id}, room)
        else:
            self.emit(PATH_CHANGED, {"conversation_id": asked.conversation_id}, room)
        try:
            page = self._parts.orchestrator.call(person, "GET", LATEST_CONVERSATIONS)
        except ExpectedError:
            return  # the list is right again at its next change
        for conversation in cast("list[dict[str, Any]]", page["conversations"]):
            if conversation["conversation_id"] == asked.conversation_id:
                self.emit("conversation", conversation, person_room(person))

    def _emit_events(self, socket_id: str, turn_id: str, events: str) -> None:
        if self._is_far_behind(socket_id):
            self._cut_off(socket_id)
            return
        # Local sockets only, so there is no need for the detour over Redis.
        self._server.emit("events", (turn_id, events), to=socket_id, ignore_queue=True)

    def _tell_lost(self, socket_id: str, turn_id: str) -> None:
        message = "The connection to the assistant was lost. Trying again …"
        lost = {"turn_id": turn_id, "message": message}
        self._server.emit("relay_lost", lost, to=socket_id, ignore_queue=True)

    def _is_far_behind(self, socket_id: str) -> bool:
        """More packets wait for this socket than a page that keeps up ever has."""
        engine_id = self._server.manager.eio_sid_from_sid(socket_id, "/")
        engine_socket = self._server.eio.sockets.get(engine_id)
        if engine_socket is None:
            return False
        return bool(engine_socket.queue.qsize() > self._parts.settings.max_queued_packets)

    def _cut_off(self, socket_id: str) -> None:
        """Break the connection: a polite goodbye would wait behind everything else that is not read."""
        viewer = self._viewers.pop(socket_id, None)
        self._relays.leave(socket_id)
        if viewer is None:
            return
        sockets_cut_off.inc()
        log.warning("socket_cut_off", person_id=viewer.person.person_id)
        if viewer.connection is not None:
            with suppress(OSError):
                viewer.connection.shutdown(socket.SHUT_RDWR)


def _viewer_of_request(connection: socket.socket | None) -> Viewer | None:
    person = signed_in_person()
    if person is None or not person.roles:
        return None
    session_id = str(cast(Any, session).sid)
    return Viewer(person, session_id, str(session[KEY]), connection)


def _refusal(body: dict[str, JsonValue]) -> Ack:
    return {"ok": False, **body}


def _first_problem(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in detail["loc"])
    return f"{where or 'The message'}: {detail['msg']}"
