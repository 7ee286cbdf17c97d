"""`python -m steward_dev.launcher` runs Steward.

For the running one, `token` prints a bearer token, `mails` what was written to people, and `add-person` with the
frontend's options adds somebody and prints their sign-in link.
"""

import os
import sys
from dataclasses import replace
from typing import Any

from shared.settings import load
from steward_dev.launcher.failures import CannotStart
from steward_dev.launcher.leftovers import read_state
from steward_dev.launcher.processes import Command, run_to_end
from steward_dev.launcher.run import run
from steward_dev.launcher.services import make_plan
from steward_dev.launcher.settings import LauncherSettings


def main() -> None:
    """Run the command line."""
    settings = load(LauncherSettings)
    environment = dict(os.environ)  # noqa: TID251 - handed on to the services
    try:
        if sys.argv[1:] == ["token"]:
            _print_token(settings, environment)
        elif sys.argv[1:] == ["mails"]:
            _running_state(settings)
            _print_output(settings, make_plan(settings, environment).outbox)
        elif sys.argv[1:2] == ["add-person"]:
            _add_person(settings, environment, sys.argv[2:])
        else:
            sys.exit(run(settings, environment))
    except CannotStart as error:
        sys.exit(f"\n{error}")


def _print_token(settings: LauncherSettings, environment: dict[str, str]) -> None:
    state = _running_state(settings)
    _print_output(settings, make_plan(settings, environment).token)
    print(
        f"The API's documentation: {state['processes']['orchestrator']['url']}/docs",
        file=sys.stderr,
    )


def _add_person(
    settings: LauncherSettings, environment: dict[str, str], options: list[str]
) -> None:
    _running_state(settings)
    command = make_plan(settings, environment).add_person
    _print_output(settings, replace(command, argv=[*command.argv, *options]))


def _running_state(settings: LauncherSettings) -> dict[str, Any]:
    state = read_state(settings.var / "run" / "state.json")
    if "processes" not in state:
        raise CannotStart("Steward does not run. Start it with `make run`, then ask again.")
    return state


def _print_output(settings: LauncherSettings, command: Command) -> None:
    status, output = run_to_end(command, settings.var / "logs")
    if status != 0:
        raise CannotStart(output.strip())
    print(output.strip())


if __name__ == "__main__":
    main()
