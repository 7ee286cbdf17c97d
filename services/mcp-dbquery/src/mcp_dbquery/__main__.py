"""Serve databases over MCP, look at what may be asked and changed in them, and prepare them for it."""

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from mcp_dbquery.config import Config, DatabaseConfig
from mcp_dbquery.engines import setup_of
from mcp_dbquery.parts import Parts, make_parts
from mcp_dbquery.report import report
from mcp_dbquery.sample.make import SAMPLE_ACTIONS, SAMPLE_CONFIG, make_sample
from mcp_dbquery.server import build_server
from mcp_dbquery.settings import Settings, configuration
from shared.config_file import read_secret
from shared.errors import BadSetup
from shared.service_tokens import Principal
from shared.tool_server_command import (
    check,
    config_options,
    load_settings,
    run_command,
    serve,
    serve_options,
)

OWNER_URL = "MCP_DBQUERY_OWNER_URL"


def main() -> None:
    """Run the command line."""
    run_command(_parser(), _run)


def _run(arguments: argparse.Namespace) -> None:
    match arguments.command:
        case "sample":
            _make_sample(arguments.path, replace=arguments.force)
        case "sample-actions":
            print(SAMPLE_ACTIONS)
        case "sample-config":
            print(SAMPLE_CONFIG)
        case "check":
            _check(_settings(arguments), arguments.roles, arguments.tenant)
        case "init":
            asyncio.run(_init(_settings(arguments), arguments))
        case _:
            serve(arguments, _settings(arguments), _parts, build_server)


def _settings(arguments: argparse.Namespace) -> Settings:
    return load_settings(Settings, config=arguments.config)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=Settings.name, description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    configured = config_options(Settings)
    commands.add_parser("serve", help="answer MCP requests", parents=[configured, serve_options()])
    checking = commands.add_parser(
        "check", help="print what may be asked and changed, and by whom", parents=[configured]
    )
    checking.add_argument(
        "--as",
        dest="roles",
        nargs="+",
        default=[],
        metavar="ROLE",
        help="as a caller with these roles (else one without)",
    )
    checking.add_argument("--tenant", default="local", help="of that caller")
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


def _parts(settings: Settings, local: Principal | None) -> Parts:
    return make_parts(settings, configuration(settings), local)


def _check(settings: Settings, roles: Sequence[str], tenant: str) -> None:
    caller = Principal(subject="check", tenant=tenant, roles=frozenset(roles))
    check(settings, _parts, lambda parts: report(settings, parts, caller))


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


if __name__ == "__main__":
    main()
