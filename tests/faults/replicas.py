"""Processes that can be killed, paused and started again on the same port."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from support.ports import free_port

START_TIMEOUT_S = 40
WAIT_S = 15
LOOK_INTERVAL_S = 0.01


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something outside this process. Raises TimeoutError after 15 s."""
    async with asyncio.timeout(WAIT_S):
        while True:
            if condition():
                return
            await asyncio.sleep(LOOK_INTERVAL_S)


async def until_async(condition: Callable[[], Awaitable[bool]]) -> None:
    """The same for a condition that is asked for over the network."""
    async with asyncio.timeout(WAIT_S):
        while True:
            if await condition():
                return
            await asyncio.sleep(LOOK_INTERVAL_S)


@dataclass
class Nursery:
    """A process that has the services imported and forks them."""

    process: "subprocess.Popen[str]"

    def fork(
        self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> int:
        """The pid of a new process that runs the module's `main()`."""
        wanted = {
            "module": module,
            "arguments": list(arguments),
            "environment": dict(environment),
            "log": str(log),
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{json.dumps(wanted)}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def nursery(*modules: str) -> Generator[Nursery]:
    """The first `fork` waits for the imports, which go on meanwhile."""
    command = [sys.executable, str(Path(__file__).with_name("nursery.py")), *modules]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Nursery(process)


@dataclass(eq=False)
class Replica:
    """One process of a service."""

    nursery: Nursery
    module: str
    environment: Mapping[str, str]
    log: Path
    options: Sequence[str] = ()
    port: int = field(default_factory=free_port)
    pid: int = 0
    _is_leaving: bool = False
    """Told to stop: it may answer yet, and then no more."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def runs(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return self.pid != 0

    def start(self) -> None:
        arguments = ["serve", "--http", f"127.0.0.1:{self.port}", *self.options]
        self.pid = self.nursery.fork(self.module, arguments, self.environment, self.log)
        self._is_leaving = False

    def signal(self, number: signal.Signals) -> None:
        self._is_leaving = self._is_leaving or number == signal.SIGTERM
        os.kill(self.pid, number)

    async def kill(self) -> None:
        """As the machine's power switch would."""
        self.signal(signal.SIGKILL)
        await self.ended()

    async def run(self, *arguments: str) -> None:
        """Run a command of the service to its end."""
        self.pid = self.nursery.fork(self.module, arguments, self.environment, self.log)
        await self.ended()

    async def ended(self) -> None:
        await until(lambda: not self.runs)

    async def ready(self, http: httpx.AsyncClient) -> None:
        """Let it go on or start it, also when it is just about to end, and wait until it answers."""
        async with asyncio.timeout(START_TIMEOUT_S):
            while True:
                if not self.runs:
                    self.start()
                self.signal(signal.SIGCONT)
                if not self._is_leaving and await self._answers(http):
                    return
                await asyncio.sleep(LOOK_INTERVAL_S)

    async def _answers(self, http: httpx.AsyncClient) -> bool:
        try:
            return (await http.get(f"{self.url}/ready", timeout=5)).status_code == 200
        except httpx.TransportError:
            return False

    def end(self) -> None:
        """For tidying up."""
        if self.runs:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)
