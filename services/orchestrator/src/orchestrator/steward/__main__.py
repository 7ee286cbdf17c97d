"""`steward policy check` and `steward policy explain`."""

import argparse
import sys

from orchestrator.policy.reading import BadPolicy
from orchestrator.steward import policy


def main() -> None:
    """Run the command line. Ends with 0, with 1 for a policy that cannot be used, with 2 for a wrong command."""
    parser = argparse.ArgumentParser(prog="steward", description="Look after a Steward by hand.")
    commands = parser.add_subparsers(dest="command", required=True)
    policy.add_commands(commands.add_parser("policy", help="try out rules on tool calls"))
    arguments = parser.parse_args()
    try:
        sys.stdout.write(arguments.run(arguments))
    except BadPolicy as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
