"""The page's side of a turn: a signed-in socket that applies events and comes back after each loss."""

import asyncio
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import socketio
from faults.cluster import Cluster
from faults.tally import TALLY
from faults.viewers import RETRY_S, TURN_TIMEOUT_S
from socketio.exceptions import SocketIOError

from shared.wire.events import EVENT, Event

ACK_TIMEOUT_S = 5


def sign_in(cluster: Cluster) -> str:
    """The cookies of a signed-in browser, as it would send them."""
    frontend = cluster.frontends[0]
    link = subprocess.run(
        [sys.executable, "-m", "frontend", "sign-in-link"],
        env=dict(frontend.environment), capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    link = link.replace(cluster.front_url, frontend.url)
    with httpx.Client(follow_redirects=False, headers={"Origin": cluster.front_url}) as http:
        page = http.get(link).text
        token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
        http.post(link, data={"csrf_token": token})
        return "; ".join(f"{name}={value}" for name, value in http.cookies.items())


@dataclass
class Page:
    """Asks one question and shows the answer, over as many sockets as that takes."""

    cluster: Cluster
    cookies: str
    on_event: Callable[["Page", Event], Awaitable[None]]
    conversation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    turn_id: str = ""
    events: list[Event] = field(default_factory=list[Event])
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _unhandled: "asyncio.Queue[Event]" = field(default_factory=asyncio.Queue[Event])

    @property
    def applied(self) -> int:
        return self.events[-1].n if self.events else 0

    async def ask(self, url: str) -> None:
        """Ask at one frontend, follow at whichever the proxy gives, and return when the turn is over."""
        body = {
            "conversation_id": self.conversation_id,
            "client_id": str(uuid.uuid4()),
            "text": "Go",
        }
        acting = asyncio.create_task(self._act())
        try:
            async with asyncio.timeout(TURN_TIMEOUT_S):
                while not self.over.is_set():
                    try:
                        await self._connected(url, body)
                    except SocketIOError:
                        await asyncio.sleep(RETRY_S)
                    url = self.cluster.front_url
                await self._unhandled.join()
        finally:
            acting.cancel()
            await asyncio.wait({acting})

    async def approve(self, call_id: str) -> None:
        """Click until an answer comes."""
        body = {"call_id": call_id, "decision": "approve"}
        async with asyncio.timeout(TURN_TIMEOUT_S):
            while True:
                try:
                    await self._once("decide", body)
                except SocketIOError:
                    await asyncio.sleep(RETRY_S)
                else:
                    return

    async def stored(self) -> Any:
        """The stored events, as the page gets them when it is loaded."""
        answer = await self._once("watch", {"conversation_id": self.conversation_id})
        (turn,) = answer["conversation"]["turns"]
        return turn["events"]

    async def _once(self, message: str, body: dict[str, Any]) -> Any:
        client: Any = socketio.AsyncClient(reconnection=False)
        await self._connect(client, self.cluster.front_url)
        try:
            return await self._send(client, message, body)
        finally:
            await client.disconnect()

    async def _connect(self, client: Any, url: str) -> None:
        headers = {"Cookie": self.cookies, "Origin": self.cluster.front_url}
        await client.connect(url, headers=headers, transports=["websocket"], wait_timeout=5)

    async def _connected(self, url: str, body: dict[str, Any]) -> None:
        """One socket's life: ask if that was not answered yet, else go on behind the last event."""
        client: Any = socketio.AsyncClient(reconnection=False)
        lost = asyncio.Event()
        client.on("events", self._take)

        def lose(*_: object) -> None:
            lost.set()

        client.on("disconnect", lose)
        client.on("relay_lost", lose)
        await self._connect(client, url)
        try:
            await self._send(client, "watch", {"conversation_id": body["conversation_id"]})
            if self.turn_id:
                follow = {"turn_id": self.turn_id, "after": self.applied}
                await self._send(client, "follow", follow)
            else:
                self.turn_id = (await self._send(client, "ask", body))["turn_id"]
            ends = [asyncio.create_task(event.wait()) for event in (lost, self.over)]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                end.cancel()
        finally:
            await client.disconnect()

    async def _send(self, client: Any, message: str, body: dict[str, Any]) -> Any:
        answer = await client.call(message, body, timeout=ACK_TIMEOUT_S)
        if not answer["ok"]:
            raise SocketIOError(str(answer["error"]))
        return answer

    async def _take(self, turn_id: str, events: str) -> None:
        assert turn_id
        for raw in orjson.loads(events):
            event = EVENT.validate_python(raw)
            if event.n <= self.applied:
                continue  # the page leaves out what it has; gaps are what it cannot mend
            TALLY.check_next(self.applied, event)
            self.events.append(event)
            self._unhandled.put_nowait(event)
            if event.kind == "turn_finished":
                self.over.set()

    async def _act(self) -> None:
        """Outside the socket's handlers, which must not wait for what they cause."""
        while True:
            event = await self._unhandled.get()
            await self.on_event(self, event)
            self._unhandled.task_done()
