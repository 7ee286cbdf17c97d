"""Serve mail over MCP, or look at whose mail it is, who may be written to and whether the mail servers answer."""

import argparse
import asyncio
import ipaddress
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

from mcp_email.opening import Opener
from mcp_email.parts import Parts, make_parts
from mcp_email.report import report
from mcp_email.server import NAME, build_server
from mcp_email.settings import Settings, configuration
from shared import logs
from shared.errors import BadSetup
from shared.mcp_server import serve_http, serve_stdio, transport_security
from shared.service_tokens import JwksSource, Principal, TokenVerifier
from shared.settings import load


def main() -> None:
    """Run the command line."""
    arguments = _parser().parse_args(_as_command(sys.argv[1:]))
    try:
        _run(arguments)
    except BadSetup as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


def _as_command(arguments: Sequence[str]) -> list[str]:
    """`--check` is `check`, wherever it stands: agents' configurations take options only."""
    if "--check" not in arguments:
        return list(arguments)
    return ["check", *(argument for argument in arguments if argument != "--check")]


def _run(arguments: argparse.Namespace) -> None:
    settings = _settings(arguments)
    match arguments.command:
        case "check":
            asyncio.run(_check(settings))
        case _ if arguments.stdio:
            asyncio.run(_serve_stdio(settings))
        case _:
            open_to_all = arguments.insecure_no_auth
            asyncio.run(_serve_http(settings, arguments.http, open_to_all=open_to_all))


def _settings(arguments: argparse.Namespace) -> Settings:
    given = {"config": arguments.config, "data_dir": arguments.data}
    differing = {name: path for name, path in given.items() if path is not None}
    return load(Settings).model_copy(update=differing)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=NAME, description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    configured = argparse.ArgumentParser(add_help=False)
    configured.add_argument(
        "--config", type=Path, metavar="FILE", help="the configuration (else MCP_EMAIL_CONFIG)"
    )
    configured.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="what the server keeps (else MCP_EMAIL_DATA_DIR, else in the home folder)",
    )
    serve = commands.add_parser("serve", help="answer MCP requests", parents=[configured])
    way = serve.add_mutually_exclusive_group(required=True)
    way.add_argument("--http", metavar="HOST:PORT")
    way.add_argument("--stdio", action="store_true")
    serve.add_argument(
        "--insecure-no-auth",
        action="store_true",
        help="ask for no token; on a loopback address only",
    )
    commands.add_parser(
        "check",
        help="print whose mail it is and what may be sent, and try the mail servers",
        parents=[configured],
    )
    return parser


async def _serve_http(settings: Settings, address: str, *, open_to_all: bool) -> None:
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not port.isdecimal():
        raise BadSetup(f"--http takes HOST:PORT, not {address!r}.")
    if open_to_all and not _is_loopback(host):
        raise BadSetup(
            "--insecure-no-auth is only allowed on a loopback address such as 127.0.0.1."
        )
    if not open_to_all and not settings.issuers:
        raise BadSetup(
            "MCP_EMAIL_ISSUERS is not set, so no token could be accepted. Name the issuers, or for a trial on this "
            "machine use --insecure-no-auth."
        )
    parts = await _started(settings, _local_principal(settings) if open_to_all else None)
    server = build_server(settings, parts, None if open_to_all else _verifier(settings))
    app = server.streamable_http_app(transport_security=transport_security(settings.allowed_hosts))
    await serve_http(app, host, int(port))


async def _serve_stdio(settings: Settings) -> None:
    parts = await _started(settings, _local_principal(settings))
    await serve_stdio(build_server(settings, parts), parts.close)


async def _started(settings: Settings, local: Principal | None) -> Parts:
    """Started before anything is served, in the loop that serves: what is wrong is a sentence, not a traceback."""
    parts = _parts(settings, local)
    await parts.start()
    logs.configure(NAME, level=settings.log_level, log_format=settings.log_format)
    return parts


def _parts(settings: Settings, local: Principal | None) -> Parts:
    config = configuration(settings)
    return make_parts(settings, config, Opener(settings, config), local)


def _verifier(settings: Settings) -> TokenVerifier:
    http = httpx.AsyncClient()
    sources = {issuer: JwksSource(str(url), http) for issuer, url in settings.issuers.items()}
    return TokenVerifier(settings.resource_url, sources)


def _local_principal(settings: Settings) -> Principal:
    return Principal(
        subject=settings.stdio_subject,
        tenant=settings.stdio_tenant,
        roles=frozenset(settings.stdio_roles),
        name=settings.stdio_name,
    )


async def _check(settings: Settings) -> None:
    parts = _parts(settings, None)
    try:
        await parts.start()
        print("\n".join(await report(settings, parts)))
    finally:
        await parts.close()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    main()
