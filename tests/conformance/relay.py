"""What the suite starts as the client: hands a scenario to the tests' own process, and ends when that has played it.

That process has imported our host, which takes far longer than a scenario. Hence nothing but the standard library here,
and `python -S -E` to run it. What was turned away goes to standard error; without any answer the exit status is 1.
"""

import json
import os
import socket
import sys


def main() -> None:
    """Arguments: the socket of the tests, and the address of the scenario's server."""
    at, url = sys.argv[1:]
    scenario = os.environ["MCP_CONFORMANCE_SCENARIO"]
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
    with socket.socket(socket.AF_UNIX) as tests, tests.makefile("rw") as lines:
        tests.connect(at)
        lines.write(json.dumps([scenario, url, context]) + "\n")
        lines.flush()
        answer = lines.readline()
    sys.stderr.write(answer)
    sys.exit(0 if answer else 1)


if __name__ == "__main__":
    main()
