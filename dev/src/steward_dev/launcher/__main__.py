"""`python -m steward_dev.launcher` runs Steward; with `token` it prints a bearer token for the running one."""

import os
import sys

from shared.settings import load
from steward_dev.launcher.failures import CannotStart
from steward_dev.launcher.leftovers import read_state
from steward_dev.launcher.processes import run_to_end
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
        else:
            sys.exit(run(settings, environment))
    except CannotStart as error:
        sys.exit(f"\n{error}")


def _print_token(settings: LauncherSettings, environment: dict[str, str]) -> None:
    state = read_state(settings.var / "run" / "state.json")
    if "processes" not in state:
        raise CannotStart("Steward does not run. Start it with `make run`, then ask for a token.")
    plan = make_plan(settings, environment)
    status, output = run_to_end(plan.token, settings.var / "logs")
    if status != 0:
        raise CannotStart(output.strip())
    print(output.strip())
    print(
        f"The API's documentation: {state['processes']['orchestrator']['url']}/docs",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
