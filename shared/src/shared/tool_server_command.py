"""The command line of a tool server: `serve` over stdio or HTTP, `check`, and a bad set-up told in one sentence."""

import argparse
import asyncio
import ipaddress
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn
from mcp.server import MCPServer

from shared import logs
from shared.errors import BadSetup
from shared.mcp_server import PartsT, started, transport_security
from shared.service_tokens import JwksSource, Principal, TokenVerifier
from shared.settings import ToolServerSettings, load, variable_of

STOP_WITHIN_S = 3

SettingsT = TypeVar("SettingsT", bound=ToolServerSettings)


def run_command(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], None]) -> None:
    """Do what the process was called for.

    Raises:
        SystemExit: with status 2 after a sentence on standard error: BadSetup, or wrong arguments.
    """
    arguments = parser.parse_args(_as_command(sys.argv[1:]))
    try:
        run(arguments)
    except BadSetup as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


def _as_command(arguments: Sequence[str]) -> list[str]:
    """`--check` is `check`, wherever it stands: agents' configurations take options only."""
    if "--check" not in arguments:
        return list(arguments)
    return ["check", *(argument for argument in arguments if argument != "--check")]


def config_options(settings_type: type[ToolServerSettings]) -> argparse.ArgumentParser:
    """A parent for the parser of each command that reads the configuration."""
    options = argparse.ArgumentParser(add_help=False)
    variable = variable_of(settings_type, "config")
    options.add_argument(
        "--config", type=Path, metavar="FILE", help=f"the configuration (else {variable})"
    )
    return options


def serve_options() -> argparse.ArgumentParser:
    """A parent for the parser of the command that calls `serve`."""
    options = argparse.ArgumentParser(add_help=False)
    way = options.add_mutually_exclusive_group(required=True)
    way.add_argument("--http", metavar="HOST:PORT")
    way.add_argument("--stdio", action="store_true")
    options.add_argument(
        "--insecure-no-auth",
        action="store_true",
        help="ask for no token; on a loopback address only",
    )
    return options


def load_settings(settings_type: type[SettingsT], **given: Path | None) -> SettingsT:
    """The environment's settings, with what the command line gives instead.

    Raises:
        SystemExit: with status 2 after naming each bad variable on standard error.
    """
    differing = {name: path for name, path in given.items() if path is not None}
    return load(settings_type).model_copy(update=differing)


def serve(
    arguments: argparse.Namespace,
    settings: SettingsT,
    make_parts: Callable[[SettingsT, Principal | None], PartsT],
    build_server: Callable[[SettingsT, PartsT, TokenVerifier | None], MCPServer[Any]],
) -> None:
    """Serve as the arguments of `serve_options` say, until the client goes or a signal comes.

    `make_parts` gets who calls where no token is asked for: the local user.

    Raises:
        BadSetup: before anything was served.
        SystemExit: with status 3, if the address cannot be listened at.
    """
    address = None if arguments.stdio else _address(arguments.http)
    is_open = address is None or arguments.insecure_no_auth
    if address is not None:
        _check_access(settings, address[0], is_open=is_open)

    async def run() -> None:
        parts = make_parts(settings, _local_user(settings) if is_open else None)
        _configure_logs(settings)
        # In the loop that serves, and before it does: what is wrong is a sentence, not a traceback.
        await parts.start()
        server = build_server(settings, parts, None if is_open else _verifier(settings))
        if address is None:
            await _serve_stdio(server, parts.close)
        else:
            await _serve_http(server, *address, allowed_hosts=settings.allowed_hosts)

    asyncio.run(run())


def check(
    settings: SettingsT,
    make_parts: Callable[[SettingsT, Principal | None], PartsT],
    report: Callable[[PartsT], Awaitable[Sequence[str]]],
) -> None:
    """Start all but the server, and print the lines that are reported of it. Raises BadSetup."""

    async def run() -> None:
        parts = make_parts(settings, None)
        _configure_logs(settings)
        async with started(parts):
            sys.stdout.write("\n".join([*await report(parts), ""]))

    asyncio.run(run())


def _configure_logs(settings: ToolServerSettings) -> None:
    """Before anything is logged: standard output is the client's over stdio, and the report's of `check`."""
    logs.configure(settings.name, level=settings.log_level, log_format=settings.log_format)


def _address(given: str) -> tuple[str, int]:
    host, _, port = given.rpartition(":")
    if not port.isdecimal():
        raise BadSetup(f"--http takes HOST:PORT, not {given!r}.")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


def _check_access(settings: ToolServerSettings, host: str, *, is_open: bool) -> None:
    if is_open and not _is_loopback(host):
        raise BadSetup(
            "--insecure-no-auth is only allowed on a loopback address such as 127.0.0.1."
        )
    if not is_open and not settings.issuers:
        raise BadSetup(
            f"{variable_of(type(settings), 'issuers')} is not set, so no token could be accepted. Name the issuers, "
            "or for a trial on this machine use --insecure-no-auth."
        )
    if unknown := sorted(set(settings.authorization_servers) - set(settings.issuers)):
        raise BadSetup(
            f"{variable_of(type(settings), 'authorization_servers')} names {unknown[0]}, which is not among "
            f"{variable_of(type(settings), 'issuers')}."
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _local_user(settings: ToolServerSettings) -> Principal:
    return Principal(
        subject=settings.stdio_subject,
        tenant=settings.stdio_tenant,
        roles=frozenset(settings.stdio_roles),
        name=settings.stdio_name,
    )


def _verifier(settings: ToolServerSettings) -> TokenVerifier:
    http = httpx.AsyncClient()
    sources = {issuer: JwksSource(str(url), http) for issuer, url in settings.issuers.items()}
    return TokenVerifier(settings.resource_url, sources, frozenset(settings.authorization_servers))


async def _serve_stdio(server: MCPServer[Any], close: Callable[[], Awaitable[None]]) -> None:
    """Serve until stdin closes; on SIGTERM or SIGINT `close` what the server started, and end by that signal.

    Never returns from a signal: the SDK reads stdin in a thread that nothing can interrupt, and that would keep the
    process, and Ctrl-C would seem to do nothing.
    """
    stopped: asyncio.Future[signal.Signals] = asyncio.get_running_loop().create_future()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, _settle, stopped, each)
    serving = asyncio.create_task(server.run_stdio_async())
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
        return
    by = stopped.result()
    await close()
    signal.signal(by, signal.SIG_DFL)
    os.kill(os.getpid(), by)


def _settle(stopped: asyncio.Future[signal.Signals], by: signal.Signals) -> None:
    if not stopped.done():
        stopped.set_result(by)


async def _serve_http(
    server: MCPServer[Any], host: str, port: int, *, allowed_hosts: Sequence[str]
) -> None:
    """Serve in the running loop until SIGTERM or SIGINT; open requests get a few seconds to end.

    Raises:
        SystemExit: with status 3 when it could not begin, which uvicorn has logged.
    """
    app = server.streamable_http_app(transport_security=transport_security(allowed_hosts))
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=STOP_WITHIN_S,
        timeout_keep_alive=75,
    )
    listener = uvicorn.Server(config)
    await listener.serve()
    if not listener.started:
        raise SystemExit(3)
