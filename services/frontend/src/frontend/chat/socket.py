"""What the page says over its socket: watch, follow, ask, stop, decide. Every message is answered."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, cast

import structlog
from flask import request, session
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from socketio.exceptions import ConnectionRefusedError as Refused

from frontend.accounts.queries import Person
from frontend.chat.announce import conversation_room, person_room, session_room
from frontend.chat.relay import Relays, Stream, sockets_cut_off
from frontend.orchestrator import OrchestratorError
from frontend.parts import Parts
from frontend.sign_in.sessions import KEY, signed_in_person
from shared.errors import INTERNAL_ERROR_BODY, ExpectedError, InvalidInput, NotSignedIn

log = structlog.get_logger()

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Ack = dict[str, Any]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Watch(_Message):
    """Look at a conversation."""

    conversation_id: Identifier


class Follow(_Message):
    """Get a turn's events after a number."""

    turn_id: Identifier
    after: Annotated[int, Field(ge=0)] = 0


class Ask(_Message):
    """Ask a question."""

    conversation_id: Identifier
    client_id: Identifier
    text: str


class Stop(_Message):
    """Stop a turn."""

    turn_id: Identifier


class Decide(_Message):
    """Say yes or no to a call."""

    call_id: Identifier
    decision: Literal["approve", "reject"]
    arguments: dict[str, JsonValue] | None = None
    note: str = ""


@dataclass(slots=True)
class Viewer:
    """A connected page: whose it is and what it looks at."""

    person: Person
    session_id: str
    conversation_id: str | None = None


MessageT = TypeVar("MessageT", bound=_Message)


class Sockets:
    """Handles the messages of all sockets of this process."""

    def __init__(self, sockets: Any, parts: Parts) -> None:
        # Flask-SocketIO's objects are not typed, so they are Any here.
        self._sockets = sockets
        self._parts = parts
        self._viewers: dict[str, Viewer] = {}
        self._relays = Relays(
            open_stream=self._open_stream,
            start=sockets.start_background_task,
            emit=self._emit_events,
            on_lost=self._tell_lost,
        )
        sockets.on_event("connect", self._connect)
        sockets.on_event("disconnect", self._disconnect)
        for name, message_type, handle in (
            ("watch", Watch, self._watch),
            ("follow", Follow, self._follow),
            ("ask", Ask, self._ask),
            ("stop", Stop, self._stop),
            ("decide", Decide, self._decide),
        ):
            sockets.on_event(name, self._answering(message_type, cast(Any, handle)))

    def emit(self, event: str, body: dict[str, Any], room: str) -> None:
        """To all sockets in a room, on every replica."""
        self._sockets.emit(event, body, to=room)

    def end_session(self, session_key: str) -> None:
        """Tell the pages of a session that it is over, on every replica, and close those that are here."""
        room = session_room(session_key)
        self.emit("signed_out", {}, room)
        for socket_id in self._members(room):
            self._sockets.start_background_task(self._close_soon, socket_id)

    def _close_soon(self, socket_id: str) -> None:
        self._sockets.sleep(0.5)  # long enough for the page to read why
        self._server.disconnect(socket_id)

    # --- connections

    def _connect(self, _: object = None) -> None:
        person = signed_in_person()
        if person is None:
            raise Refused("signed_out")
        socket_id = _socket_id()
        self._viewers[socket_id] = Viewer(person, str(cast(Any, session).sid))
        self._server.enter_room(socket_id, person_room(person.person_id))
        self._server.enter_room(socket_id, session_room(str(session[KEY])))

    def _disconnect(self, *_: object) -> None:
        socket_id = _socket_id()
        self._viewers.pop(socket_id, None)
        self._relays.leave(socket_id)

    def _answering(
        self, message_type: type[MessageT], handle: Callable[[Viewer, MessageT], Ack]
    ) -> Callable[..., Ack]:
        """Check who asks and what; answer with what came of it."""

        def answer(raw: object = None, *_: object) -> Ack:
            try:
                viewer = self._viewer()
                return {"ok": True, **handle(viewer, message_type.model_validate(raw))}
            except ValidationError as error:
                return _refusal(InvalidInput(_first_problem(error)).body())
            except ExpectedError as error:
                return _refusal(error.body())
            except Exception:
                log.exception("socket_message_crashed")
                return _refusal(INTERNAL_ERROR_BODY)

        return answer

    def _viewer(self) -> Viewer:
        """Raises NotSignedIn when the session ended since the socket was opened."""
        viewer = self._viewers.get(_socket_id())
        if viewer is None or not self._parts.redis.exists(f"session:{viewer.session_id}"):
            self._server.disconnect(_socket_id())
            raise NotSignedIn("You are signed out. Sign in again.")
        return viewer

    # --- messages

    def _watch(self, viewer: Viewer, message: Watch) -> Ack:
        person, socket_id = viewer.person, _socket_id()
        if viewer.conversation_id is not None:
            self._server.leave_room(
                socket_id, conversation_room(person.person_id, viewer.conversation_id)
            )
            self._relays.leave(socket_id)
        viewer.conversation_id = message.conversation_id
        self._server.enter_room(
            socket_id, conversation_room(person.person_id, message.conversation_id)
        )
        try:
            path = f"/v1/conversations/{message.conversation_id}"
            return {"conversation": self._parts.orchestrator.call(person, "GET", path)}
        except OrchestratorError as error:
            if error.answered_status == 404:
                return {"conversation": None}
            raise

    def _follow(self, viewer: Viewer, message: Follow) -> Ack:
        self._relays.follow(viewer.person, message.turn_id, _socket_id(), message.after)
        return {}

    def _ask(self, viewer: Viewer, message: Ask) -> Ack:
        person = viewer.person
        conversation = self._parts.orchestrator.call(
            person, "PUT", f"/v1/conversations/{message.conversation_id}"
        )
        path = f"/v1/conversations/{message.conversation_id}/turns"
        body = {"client_id": message.client_id, "text": message.text}
        opening = ExitStack()
        response = opening.enter_context(
            self._parts.orchestrator.stream(person, "POST", path, body)
        )
        turn_id = response.headers["X-Turn-Id"]
        stream = _Opened(opening, response)
        self._relays.begin(person, turn_id, cast(Stream, stream), _socket_id())
        room = conversation_room(person.person_id, message.conversation_id)
        news = {
            "conversation_id": message.conversation_id,
            "turn_id": turn_id,
            "client_id": message.client_id,
        }
        self.emit("turn", news, room)
        self._sockets.start_background_task(
            self._announce_conversation, person, str(conversation["conversation_id"])
        )
        return {"turn_id": turn_id}

    def _stop(self, viewer: Viewer, message: Stop) -> Ack:
        self._parts.orchestrator.call(
            viewer.person, "PUT", f"/v1/turns/{message.turn_id}/cancellation"
        )
        return {}

    def _decide(self, viewer: Viewer, message: Decide) -> Ack:
        body = {"decision": message.decision, "note": message.note}
        if message.arguments is not None:
            body["arguments"] = cast(Any, message.arguments)
        return self._parts.orchestrator.call(
            viewer.person, "PUT", f"/v1/calls/{message.call_id}/decision", body
        )

    # --- events

    def _open_stream(self, person: Person, turn_id: str) -> Stream:
        return self._parts.orchestrator.stream(
            person, "GET", f"/v1/turns/{turn_id}/events", headers={"Last-Event-ID": "0"}
        )

    def _announce_conversation(self, person: Person, conversation_id: str) -> None:
        """The new title and time, to the side lists of all the person's pages."""
        try:
            detail = self._parts.orchestrator.call(
                person, "GET", f"/v1/conversations/{conversation_id}"
            )
        except ExpectedError:
            return  # the list is right again at its next change
        fields = ("conversation_id", "title", "created_at", "updated_at")
        summary = {name: detail[name] for name in fields}
        self.emit("conversation", summary, person_room(person.person_id))

    def _emit_events(self, socket_id: str, turn_id: str, events: str) -> None:
        if self._is_far_behind(socket_id):
            sockets_cut_off.inc()
            self._sockets.start_background_task(self._server.disconnect, socket_id)
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

    def _members(self, room: str) -> list[str]:
        return [member for member, _ in self._server.manager.get_participants("/", room)]

    @property
    def _server(self) -> Any:
        return self._sockets.server


class _Opened:
    """A response that was opened already, as a context that closes it."""

    def __init__(self, stack: ExitStack, response: object) -> None:
        self._stack = stack
        self._response = response

    def __enter__(self) -> object:
        return self._response

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _socket_id() -> str:
    return str(cast(Any, request).sid)


def _refusal(body: dict[str, JsonValue]) -> Ack:
    return {"ok": False, **body}


def _first_problem(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in detail["loc"])
    return f"{where or 'The message'}: {detail['msg']}"
