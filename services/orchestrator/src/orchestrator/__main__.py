"""`orchestrator serve`, `migrate`, `audit`, `accept-tools` and `rotate-key`."""

import argparse
import socket
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import cast

import structlog
import uvicorn

from orchestrator.app import create_app
from orchestrator.audit.commands import export_database, verify_database, verify_file
from orchestrator.database import DatabaseAway
from orchestrator.migrations import upgrade
from orchestrator.patient_http import protocol
from orchestrator.policy_file import load_policy
from orchestrator.resources import Resources
from orchestrator.settings import Settings
from orchestrator.tools.commands import accept_tools
from shared import logs
from shared.key_file import PUBLISHED_BEFORE_S, rotate_by_command
from shared.settings import load

KEEP_ALIVE_S = 75
"""Longer than our frontend keeps an idle connection, so that it is never closed under a request."""
SHUTDOWN_S = 3
CANNOT_START = 3

log = structlog.get_logger()


def main() -> None:
    """Run the command line."""
    arguments = _parser().parse_args()
    if arguments.command == "audit" and arguments.task == "verify" and arguments.file:
        sys.exit(verify_file(arguments.file, arguments.tenant))
    settings = load(Settings)
    logs.configure("orchestrator", level=settings.log_level, log_format=settings.log_format)
    if arguments.command == "migrate":
        upgrade(settings.database_url)
    elif arguments.command == "audit":
        sys.exit(_audit(settings, arguments))
    elif arguments.command == "accept-tools":
        _accept_tools(settings, arguments.server)
    elif arguments.command == "rotate-key":
        _rotate_key(settings, arguments.published_before_s)
    else:
        _serve(settings, arguments.http)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="orchestrator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer HTTP requests")
    serve.add_argument("--http", default="127.0.0.1:8000", metavar="HOST:PORT")
    commands.add_parser("migrate", help="bring the database to this version's tables")
    _add_audit(commands.add_parser("audit", help="check or export the audit chain"))
    accept = commands.add_parser(
        "accept-tools", help="accept what a server of yours says of its tools, after its upgrade"
    )
    accept.add_argument("server", metavar="SERVER", help="its name in ORCHESTRATOR_TOOL_SERVERS")
    key = commands.add_parser(
        "rotate-key", help="add a signing key, to sign when everybody knows it"
    )
    key.add_argument(
        "--published-before-s", type=int, default=PUBLISHED_BEFORE_S, metavar="SECONDS"
    )
    return parser


def _add_audit(parser: argparse.ArgumentParser) -> None:
    tasks = parser.add_subparsers(dest="task", required=True)
    verify = tasks.add_parser("verify", help="check the chain; names the first broken row")
    verify.add_argument("--file", type=Path, metavar="EXPORT", help="an exported file instead")
    export = tasks.add_parser("export", help="write the chain as JSON lines")
    for name, end in (("--from", "first"), ("--to", "last")):
        export.add_argument(
            name, type=date.fromisoformat, metavar="DAY", help=f"{end} day, UTC: 2026-11-21"
        )
    for task in (verify, export):
        task.add_argument("--tenant", help="only this tenant's chain")


def _audit(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.task == "verify":
        return verify_database(settings.database_url, arguments.tenant)
    days = vars(arguments)  # `from` is a word of Python
    return export_database(
        settings.database_url, arguments.tenant, days["from"], days["to"], sys.stdout
    )


def _accept_tools(settings: Settings, server: str) -> None:
    if server not in settings.tool_servers:
        known = ", ".join(sorted(settings.tool_servers)) or "none"
        sys.exit(f"orchestrator cannot do this: there is no server {server!r}, but {known}.")
    print(accept_tools(settings.database_url, server))


def _rotate_key(settings: Settings, published_before_s: int) -> None:
    try:
        print(rotate_by_command(settings.key_file, published_before_s))
    except (OSError, ValueError) as error:
        sys.exit(f"orchestrator cannot do this: {error}")


def _serve(settings: Settings, address: str) -> None:
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        sys.exit(f"--http takes HOST:PORT, not {address!r}.")
    try:
        settings.model()
        load_policy(settings.policy_file)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=host or "127.0.0.1",
        port=int(port),
        http=protocol(settings.reader_patience_s),
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    server = _Server(config, lambda: cast("Resources", app.state.resources).hand_over())
    server.run()
    if not server.started:
        raise SystemExit(CANNOT_START)


class _Server(uvicorn.Server):
    """Hands turns over the moment it is told to stop, not after open streams had their time to end."""

    def __init__(self, config: uvicorn.Config, hand_over: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._hand_over = hand_over

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await self._hand_over()
        except DatabaseAway as error:
            log.warning("turns_not_handed_over", error=str(error))
        await super().shutdown(sockets)


if __name__ == "__main__":
    main()
