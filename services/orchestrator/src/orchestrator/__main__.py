"""`orchestrator serve` and `orchestrator migrate`."""

import argparse
import sys

import uvicorn

from orchestrator.app import create_app
from orchestrator.migrations import upgrade
from orchestrator.settings import Settings
from shared import logs
from shared.settings import load

KEEP_ALIVE_S = 75
"""Longer than our frontend keeps an idle connection, so that it is never closed under a request."""
SHUTDOWN_S = 3


def main() -> None:
    """Run the command line."""
    arguments = _parser().parse_args()
    settings = load(Settings)
    logs.configure("orchestrator", level=settings.log_level, log_format=settings.log_format)
    if arguments.command == "migrate":
        upgrade(settings.database_url)
    else:
        _serve(settings, arguments.http)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="orchestrator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer HTTP requests")
    serve.add_argument("--http", default="127.0.0.1:8000", metavar="HOST:PORT")
    commands.add_parser("migrate", help="bring the database to this version's tables")
    return parser


def _serve(settings: Settings, address: str) -> None:
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        sys.exit(f"--http takes HOST:PORT, not {address!r}.")
    try:
        settings.model()
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    uvicorn.run(
        create_app(settings),
        host=host or "127.0.0.1",
        port=int(port),
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


if __name__ == "__main__":
    main()
