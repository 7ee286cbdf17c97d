"""Serve mail over MCP, or look at whose mail it is, who may be written to and whether the mail servers answer."""

import argparse
import asyncio
from pathlib import Path

from mcp_email.opening import Opener
from mcp_email.outbox import outbox
from mcp_email.parts import Parts, make_parts
from mcp_email.report import report
from mcp_email.server import build_server
from mcp_email.settings import Settings, configuration
from shared.service_tokens import Principal
from shared.tool_server_command import (
    check,
    config_options,
    load_settings,
    run_command,
    serve,
    serve_options,
)


def main() -> None:
    """Run the command line."""
    run_command(_parser(), _run)


def _run(arguments: argparse.Namespace) -> None:
    settings = load_settings(Settings, config=arguments.config, data_dir=arguments.data)
    if arguments.command == "outbox":
        print(asyncio.run(outbox(settings)))
    elif arguments.command == "check":
        check(settings, _parts, lambda parts: report(settings, parts))
    else:
        serve(arguments, settings, _parts, build_server)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=Settings.name, description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    configured = config_options(Settings)
    configured.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="what the server keeps (else MCP_EMAIL_DATA_DIR, else in the home folder)",
    )
    commands.add_parser("serve", help="answer MCP requests", parents=[configured, serve_options()])
    commands.add_parser(
        "check",
        help="print whose mail it is and what may be sent, and try the mail servers",
        parents=[configured],
    )
    commands.add_parser(
        "outbox",
        help="print what Steward itself wrote to people who have no mailbox here",
        parents=[configured],
    )
    return parser


def _parts(settings: Settings, local: Principal | None) -> Parts:
    config = configuration(settings)
    return make_parts(settings, config, Opener(settings, config), local)


if __name__ == "__main__":
    main()
