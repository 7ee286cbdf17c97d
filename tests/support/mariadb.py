"""A real MariaDB server of the tests' own."""

import os
import subprocess
import tempfile
import threading
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import pymysql
from support.ports import free_port

from steward_dev.mariadb import find_mariadb

READY = b"ready for connections"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server whose root has no password."""

    port: int
    socket: Path

    def url(self, user: str, database: str, password: str = "") -> str:
        signed_in = f"{user}:{password}" if password else user
        return f"mysql://{signed_in}@127.0.0.1:{self.port}/{database}"

    @property
    def owner_url(self) -> str:
        return f"mysql://root@localhost/?socket={self.socket}"

    @contextmanager
    def connected(
        self, *, user: str = "root", password: str = "", database: str | None = None
    ) -> Generator[Any]:
        """A connection as somebody."""
        with closing(
            pymysql.connect(
                unix_socket=str(self.socket), user=user, password=password, database=database,
                charset="utf8mb4", autocommit=True,
            )
        ) as connection:  # fmt: skip
            yield connection

    def ask(self, *statements: str, **signed_in: Any) -> Sequence[Any]:
        """Run statements one by one as somebody and give the rows of the last."""
        with self.connected(**signed_in) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cast("Sequence[Any]", cursor.fetchall())


@contextmanager
def mariadb() -> Generator[Server]:
    """Started, with nothing in it; everything is gone at the end."""
    programs = find_mariadb()
    assert programs is not None, "no MariaDB: `make test` installs it or leaves these tests out"
    with tempfile.TemporaryDirectory(prefix="my-") as directory:
        data = Path(directory) / "data"
        as_user = ["--user=root"] if os.geteuid() == 0 else []
        # Each starts with removing temporary tables where it keeps them, those of its neighbours, too.
        own_place = {**os.environ, "TMPDIR": directory}
        installed = subprocess.run(
            [programs.install, "--no-defaults", f"--datadir={data}", "--skip-test-db", "--skip-name-resolve",
             "--auth-root-authentication-method=normal", *as_user],
            check=False, capture_output=True, text=True, env=own_place,
        )  # fmt: skip
        assert installed.returncode == 0, installed.stdout + installed.stderr
        server = Server(free_port(), Path(directory) / "socket")
        process = subprocess.Popen(
            [programs.server, "--no-defaults", f"--datadir={data}", f"--socket={server.socket}",
             f"--port={server.port}", "--bind-address=127.0.0.1", "--skip-name-resolve", "--skip-log-bin",
             "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M",
             "--performance-schema=OFF", *as_user],
            stderr=subprocess.PIPE, env=own_place,
        )  # fmt: skip
        log = cast("IO[bytes]", process.stderr)
        drain = threading.Thread(target=log.read)
        try:
            said: list[bytes] = []
            while READY not in (line := log.readline()):
                said.append(line)
                assert line, b"".join(said).decode()
            drain.start()
            yield server
        finally:
            process.kill()
            process.wait()
            if drain.is_alive():
                drain.join()
            log.close()
