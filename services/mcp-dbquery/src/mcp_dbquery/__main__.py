"""`mcp-dbquery serve --http HOST:PORT | --stdio`, `check`, and `sample PATH`, `sample-actions` to try it with."""

import argparse
import asyncio
import ipaddress
import sys
from pathlib import Path

import httpx

from mcp_dbquery.errors import BadSetup
from mcp_dbquery.sample.make import SAMPLE_ACTIONS, make_sample
from mcp_dbquery.server import build_server, make_parts
from mcp_dbquery.settings import Settings
from shared import logs
from shared.mcp_server import serve_http, transport_security
from shared.service_tokens import JwksSource, Principal, TokenVerifier
from shared.settings import load


def main() -> None:
    """Run the command line."""
    arguments = _parser().parse_args()
    try:
        if arguments.command == "sample":
            _make_sample(arguments.path, replace=arguments.force)
        elif arguments.command == "sample-actions":
            print(SAMPLE_ACTIONS)
        elif arguments.command == "check":
            _check(load(Settings))
        elif arguments.stdio:
            _serve_stdio(load(Settings))
        else:
            _serve_http(load(Settings), arguments.http, open_to_all=arguments.insecure_no_auth)
    except BadSetup as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mcp-dbquery", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer MCP requests")
    way = serve.add_mutually_exclusive_group(required=True)
    way.add_argument("--http", metavar="HOST:PORT")
    way.add_argument("--stdio", action="store_true")
    serve.add_argument(
        "--insecure-no-auth",
        action="store_true",
        help="ask for no token; on a loopback address only",
    )
    commands.add_parser("check", help="print what may be asked and changed, and by whom")
    sample = commands.add_parser("sample", help="make the sample database")
    sample.add_argument("path", type=Path)
    sample.add_argument("--force", action="store_true", help="replace an existing file")
    commands.add_parser("sample-actions", help="print where the sample's actions file is")
    return parser


def _serve_http(settings: Settings, address: str, *, open_to_all: bool) -> None:
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
            "MCP_DBQUERY_ISSUERS is not set, so no token could be accepted. Name the issuers, or for a trial on this "
            "machine use --insecure-no-auth."
        )
    local = _local_principal(settings) if open_to_all else None
    verifier = None if open_to_all else _verifier(settings)
    parts = make_parts(settings, local)
    asyncio.run(parts.check(settings))
    _configure_logs(settings)
    app = build_server(settings, parts, verifier).streamable_http_app(
        transport_security=transport_security(settings.allowed_hosts)
    )
    serve_http(app, host, int(port))


def _verifier(settings: Settings) -> TokenVerifier:
    http = httpx.AsyncClient()
    sources = {issuer: JwksSource(str(url), http) for issuer, url in settings.issuers.items()}
    return TokenVerifier(settings.resource_url, sources)


def _serve_stdio(settings: Settings) -> None:
    parts = make_parts(settings, _local_principal(settings))
    asyncio.run(parts.check(settings))
    _configure_logs(settings)
    asyncio.run(build_server(settings, parts).run_stdio_async())


def _configure_logs(settings: Settings) -> None:
    logs.configure("mcp-dbquery", level=settings.log_level, log_format=settings.log_format)


def _local_principal(settings: Settings) -> Principal:
    return Principal(
        subject="local", tenant="local", roles=frozenset(settings.stdio_roles), name="local user"
    )


def _check(settings: Settings) -> None:
    parts = make_parts(settings)
    asyncio.run(parts.check(settings))
    print(f"Database: {parts.engine.path} (read-only for queries)")
    print(
        f"Limits: {settings.timeout_s:g} s, {settings.max_rows} rows unless asked for more (5,000 at most), "
        f"{settings.max_result_bytes:,} bytes, {settings.max_cell_characters:,} characters a value"
    )
    if parts.actions is None:
        print("Actions: none; nothing can be changed.")
    else:
        print("Actions:")
        for name, action in parts.actions.actions.items():
            print(f"  {name}({', '.join(action.parameters)}): {', '.join(action.roles)}")
    print(f"Tokens accepted of: {', '.join(settings.issuers) or 'nobody'}")


def _make_sample(path: Path, *, replace: bool) -> None:
    if path.exists() and not replace:
        raise BadSetup(f"{path} exists already. Use --force to replace it.")
    rows = make_sample(path)
    print(f"Made {path} with {rows:,} rows.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    main()
