"""`demo-model serve --http HOST:PORT`."""

import argparse
import sys

import uvicorn

from demo_model.app import create_app
from demo_model.settings import Settings
from shared import logs
from shared.settings import load


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
    host, _, port = arguments.http.rpartition(":")
    if not port.isdecimal():
        sys.exit(f"--http takes HOST:PORT, not {arguments.http!r}.")
    uvicorn.run(
        create_app(settings, scripts_allowed=arguments.scripts),
        host=host or "127.0.0.1",
        port=int(port),
        log_config=None,
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
