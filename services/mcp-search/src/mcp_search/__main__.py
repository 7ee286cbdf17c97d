"""Serve web search, pages and documents over MCP, or look at who is asked, what may be fetched and what is kept."""

import argparse
import gc
from functools import partial
from pathlib import Path

from mcp_search.parts import Parts, make_parts
from mcp_search.report import report
from mcp_search.server import build_server
from mcp_search.settings import Settings, configuration
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
    if arguments.command == "check":
        check(settings, partial(_parts, works=False), lambda parts: report(settings, parts))
    else:
        if arguments.sample:
            settings = settings.model_copy(update={"sample": True})
        # What is loaded by now stays: to look through it, a full collection holds up everybody for a tenth of a second.
        gc.freeze()
        serve(arguments, settings, _parts, build_server)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=Settings.name, description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    configured = config_options(Settings)
    configured.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="what the server keeps (else MCP_SEARCH_DATA_DIR, else in the home folder)",
    )
    serving = commands.add_parser(
        "serve", help="answer MCP requests", parents=[configured, serve_options()]
    )
    serving.add_argument(
        "--sample",
        action="store_true",
        help="begin with a few documents of an invented organisation, for a trial",
    )
    commands.add_parser(
        "check",
        help="print who is asked, what may be fetched and what is kept, and try it",
        parents=[configured],
    )
    return parser


def _parts(settings: Settings, local: Principal | None, *, works: bool = True) -> Parts:
    return make_parts(settings, configuration(settings), local, works=works)


if __name__ == "__main__":
    main()
