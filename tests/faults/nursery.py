"""Forks service processes from one that has imported them: a replica is back in a fraction of its import time.

Run as a script. Each line of standard input describes a process to start; its pid is the line that answers. What
runs in the child is the service's own `main()`, with its own environment and log file.
"""

import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Import what the arguments name, then fork until standard input ends."""
    modules = sys.argv[1:]
    fork = os.fork  # gevent's own would watch the children itself and leave them unburied
    if "gevent" in modules:
        from gevent import monkey  # noqa: PLC0415 - only the frontend's nursery may be patched

        monkey.patch_all()
    for module in modules:
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead at once
    for line in sys.stdin:
        pid = fork()
        if pid == 0:
            _become(json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(wanted: dict[str, Any]) -> None:
    """Run the service's `main()` and never return."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if "gevent" in sys.modules:
            sys.modules["gevent"].reinit()
        log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for ours, standard in ((null, 0), (log, 1), (log, 2)):
            os.dup2(ours, standard)
        os.environ.clear()
        os.environ.update(wanted["environment"])
        sys.argv = [wanted["module"], *wanted["arguments"]]
        importlib.import_module(wanted["module"]).main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException as error:  # noqa: BLE001 - nothing may go on in the nursery's own code
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[1]))
    main()
