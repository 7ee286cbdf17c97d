"""The process behind stdio: nothing but protocol on stdout, and no process left behind, however it ends."""

import json
import os
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from support.mcp_clients import Target
from support.proc import command_of, descendants_of, processor_time_s, wait_until

pytestmark = pytest.mark.timeout(60)

HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "by hand", "version": "1"},
}
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
WORKS_AFTER_S = 0.2


class Server:
    """One that is spoken to by hand."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log
        self.workers: list[int] = []

    def send(self, message: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(message.encode() + b"\n")
        self.process.stdin.flush()

    def request(self, request_id: int, method: str, params: dict[str, Any]) -> None:
        message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        self.send(json.dumps(message))

    def query(self, request_id: int, sql: str) -> None:
        self.request(request_id, "tools/call", {"name": "query", "arguments": {"sql": sql}})

    def answer(self) -> dict[str, Any]:
        """The next line of stdout, which must be a message of the protocol."""
        assert self.process.stdout is not None
        message = json.loads(self.process.stdout.readline())
        assert message["jsonrpc"] == "2.0"
        return message

    def greet(self) -> None:
        self.request(0, "initialize", HELLO)
        assert self.answer()["result"]["protocolVersion"] == "2025-11-25"
        self.send('{"jsonrpc": "2.0", "method": "notifications/initialized"}')
        self.query(1, "SELECT 1")
        assert self.answer()["id"] == 1
        self.workers = descendants_of(self.process.pid)
        assert self.workers

    def begin_to_work(self) -> None:
        """Returns when a worker is at work on a statement that does not end."""
        before = {pid: processor_time_s(pid) for pid in self.workers}
        self.query(2, ENDLESS)
        wait_until(
            lambda: any(processor_time_s(pid) - before[pid] > WORKS_AFTER_S for pid in before),
            "a worker runs the statement",
        )

    def close_stdin(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def rest(self) -> list[dict[str, Any]]:
        assert self.process.stdout is not None
        return [json.loads(line) for line in self.process.stdout]

    def log(self) -> str:
        return self._log.read_text()

    def leaves_nobody(self) -> None:
        """It ends, and every process that it started does."""
        self.process.wait(20)
        wait_until(lambda: not any(command_of(pid) for pid in self.workers), "the workers ended")


@pytest.fixture
def server(stdio_target: Target, tmp_path: Path) -> Generator[Server]:
    with started(stdio_target, tmp_path / "stderr") as server:
        server.greet()
        yield server


@contextmanager
def started(target: Target, log: Path) -> Generator[Server]:
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [target["command"], *target["args"]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={"PATH": os.environ["PATH"]},
        )
    try:
        yield Server(process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


def test_stdout_carries_the_protocol_alone_and_the_log_goes_to_stderr(server: Server) -> None:
    server.query(2, "DELETE FROM projects")
    server.query(3, "SELECT no_such_column FROM projects")
    server.request(4, "no/such/method", {})
    server.send("this is not JSON")
    server.query(5, "SELECT name FROM projects")
    by_id: dict[object, Any] = {}
    while not {2, 3, 4, 5} <= by_id.keys():  # They are worked on at once, and end in any order.
        message = server.answer()
        by_id[message.get("id")] = message
    server.close_stdin()
    assert all("jsonrpc" in message for message in server.rest())
    server.leaves_nobody()
    assert by_id[2]["result"]["isError"]
    assert by_id[3]["result"]["isError"]
    assert "error" in by_id[4]
    assert by_id[5]["result"]["structuredContent"]["row_count"] == 8
    assert server.log().count('"tool_called"') == 4
    assert "Traceback" not in server.log()
    assert server.process.returncode == 0


def test_it_ends_with_its_workers_when_stdin_closes_over_a_statement(server: Server) -> None:
    server.begin_to_work()
    server.close_stdin()
    server.leaves_nobody()
    assert server.process.returncode == 0
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_its_workers_over_a_statement(
    server: Server, stop: signal.Signals
) -> None:
    server.begin_to_work()
    server.process.send_signal(stop)
    server.leaves_nobody()
    assert server.process.returncode == -stop
    assert "Traceback" not in server.log()


def test_when_it_is_killed_its_worker_ends_with_the_statements_time(
    stdio_target: Target, tmp_path: Path
) -> None:
    *arguments, configuration = stdio_target["args"]
    short = tmp_path / "dbquery.toml"
    short.write_text(Path(configuration).read_text().replace("timeout_s = 60", "timeout_s = 1"))
    with started({**stdio_target, "args": [*arguments, str(short)]}, tmp_path / "stderr") as server:
        server.greet()
        server.query(2, ENDLESS)
        server.process.kill()
        server.leaves_nobody()
