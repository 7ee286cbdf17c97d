"""Serve databases over MCP, look at what may be asked and changed in them, and prepare them for it."""

import argparse
import asyncio
import ipaddress
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

from mcp_dbquery.config import Config, DatabaseConfig
from mcp_dbquery.engines import setup_of
from mcp_dbquery.parts import Parts, make_parts
from mcp_dbquery.report import report
from mcp_dbquery.sample.make import SAMPLE_ACTIONS, SAMPLE_CONFIG, make_sample
from mcp_dbquery.server import build_server
from mcp_dbquery.settings import Settings, configuration
from shared import logs
from shared.config_file import read_secret
from shared.errors import BadSetup
from shared.mcp_server import serve_http, serve_stdio, transport_security
from shared.service_tokens import JwksSource, Principal, TokenVerifier
from shared.settings import load

OWNER_URL = "MCP_DBQUERY_OWNER_URL"


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
    match arguments.command:
        case "sample":
            _make_sample(arguments.path, replace=arguments.force)
        case "sample-actions":
            print(SAMPLE_ACTIONS)
        case "sample-config":
            print(SAMPLE_CONFIG)
        case "check":
            asyncio.run(_check(_settings(arguments), arguments.roles, arguments.tenant))
        case "init":
            asyncio.run(_init(_settings(arguments), arguments))
        case _ if arguments.stdio:
            asyncio.run(_serve_stdio(_settings(arguments)))
        case _:
            settings = _settings(arguments)
            open_to_all = arguments.insecure_no_auth
            asyncio.run(_serve_http(settings, arguments.http, open_to_all=open_to_all))


def _settings(arguments: argparse.Namespace) -> Settings:
    settings = load(Settings)
    return (
        settings.model_copy(update={"config": arguments.config}) if arguments.config else settings
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mcp-dbquery", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    configured = argparse.ArgumentParser(add_help=False)
    configured.add_argument(
        "--config", type=Path, metavar="FILE", help="the configuration (else MCP_DBQUERY_CONFIG)"
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
    check = commands.add_parser(
        "check", help="print what may be asked and changed, and by whom", parents=[configured]
    )
    check.add_argument(
        "--as",
        dest="roles",
        nargs="+",
        default=[],
        metavar="ROLE",
        help="as a caller with these roles (else one without)",
    )
    check.add_argument("--tenant", default="local", help="of that caller")
    init = commands.add_parser(
        "init",
        help="print the SQL that prepares a database, or run it as its owner",
        parents=[configured],
        description=f"The owner's URL is read from {OWNER_URL} or a file: it must not be seen in the process list.",
    )
    init.add_argument(
        "--database", required=True, metavar="NAME", help="as the configuration names it"
    )
    init.add_argument("--owner-url-file", type=Path, metavar="FILE")
    init.add_argument("--apply", action="store_true", help="run it instead of printing it")
    sample = commands.add_parser("sample", help="make the sample database")
    sample.add_argument("path", type=Path)
    sample.add_argument("--force", action="store_true", help="replace an existing file")
    commands.add_parser("sample-actions", help="print where the sample's actions file is")
    commands.add_parser("sample-config", help="print where the sample's configuration is")
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
            "MCP_DBQUERY_ISSUERS is not set, so no token could be accepted. Name the issuers, or for a trial on this "
            "machine use --insecure-no-auth."
        )
    parts = await _started(settings, _local_principal(settings) if open_to_all else None)
    server = build_server(settings, parts, None if open_to_all else _verifier(settings))
    app = server.streamable_http_app(transport_security=transport_security(settings.allowed_hosts))
    await serve_http(app, host, int(port))


async def _serve_stdio(settings: Settings) -> None:
    parts = await _started(settings, _local_principal(settings))
    await serve_stdio(build_server(settings, parts), parts.databases.close)


async def _started(settings: Settings, local: Principal | None) -> Parts:
    """Started before anything is served, in the loop that serves: what is wrong is a sentence, not a traceback."""
    parts = make_parts(settings, configuration(settings), local)
    await parts.databases.start()
    logs.configure("mcp-dbquery", level=settings.log_level, log_format=settings.log_format)
    return parts


def _verifier(settings: Settings) -> TokenVerifier:
    http = httpx.AsyncClient()
    sources = {issuer: JwksSource(str(url), http) for issuer, url in settings.issuers.items()}
    return TokenVerifier(settings.resource_url, sources)


def _local_principal(settings: Settings) -> Principal:
    return Principal(
        subject=settings.stdio_subject,
        tenant=settings.stdio_tenant,
        roles=frozenset(settings.stdio_roles),
        name="local user",
    )


async def _check(settings: Settings, roles: Sequence[str], tenant: str) -> None:
    caller = Principal(subject="check", tenant=tenant, roles=frozenset(roles))
    parts = make_parts(settings, configuration(settings))
    await parts.databases.start()
    try:
        print("\n".join(await report(settings, parts, caller)))
    finally:
        await parts.close()


async def _init(settings: Settings, arguments: argparse.Namespace) -> None:
    name: str = arguments.database
    database = _configured(configuration(settings), name)
    owner_url = _owner_url(arguments.owner_url_file)
    setup = setup_of(name, owner_url)
    sql = await setup.init_sql(name, database, owner_url)
    if not arguments.apply:
        print(sql)
        return
    await setup.apply(sql, owner_url, database)
    print(f"The database {name} is prepared. `mcp-dbquery check` says what may be asked.")


def _configured(config: Config, name: str) -> DatabaseConfig:
    if name not in config.databases:
        raise BadSetup(
            f"The configuration has no database {name}. It has: {', '.join(sorted(config.databases))}."
        )
    return config.databases[name]


def _owner_url(file: Path | None) -> str:
    if file is None:
        url = os.environ.get(OWNER_URL, "")  # noqa: TID251 - of this command alone, and never of the server
        if not url:
            raise BadSetup(f"Give the owner's URL in {OWNER_URL} or with --owner-url-file FILE.")
        return url
    return read_secret(file, "The owner's URL")


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
