"""`demo-model serve --http HOST:PORT`."""

import argparse
import sys

import uvicorn

from demo_model.app import create_app
from demo_model.settings import Settings
from shared import logs
from shared.settings import load

MAX_PORT = 65_535


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="demo-model", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer HTTP requests")
    serve.add_argument("--http", default="127.0.0.1:8002", metavar="HOST:PORT")
    serve.add_argument(
        "--scripts", action="store_true", help="let tests put replies down beforehand"
    )
    arguments = parser.parse_args()
    settings = load(Settings)
    logs.configure("demo-model", level=settings.log_level, log_format=settings.log_format)
    host, port = _address(arguments.http)
    uvicorn.run(
        create_app(settings, scripts_allowed=arguments.scripts),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )


def _address(text: str) -> tuple[str, int]:
    """Host and port. The port is checked here: the event loop takes 99999 for 34463 without a word."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > MAX_PORT:
        sys.exit(f"--http takes HOST:PORT with a port up to {MAX_PORT}, not {text!r}.")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


if __name__ == "__main__":
    main()
