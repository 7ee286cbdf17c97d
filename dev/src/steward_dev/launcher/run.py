"""Starts everything, keeps it going until told to stop, and takes it down again."""

import fcntl
import http.client
import queue
import signal
import socket
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO

from shared.scopes import RESOURCES
from steward_dev.launcher.failures import CannotStart
from steward_dev.launcher.leftovers import read_state, stop_leftovers, write_state
from steward_dev.launcher.ports import require_free
from steward_dev.launcher.processes import GRACE_S, Child, Command, run_to_end, say
from steward_dev.launcher.services import Plan, Service, make_plan
from steward_dev.launcher.settings import LauncherSettings

READY_TIMEOUT_S = 60.0
POLL_S = 0.05
RESTARTS_A_MINUTE = 3


class Stopped(Exception):
    """A signal asked us to stop."""


@dataclass
class System:
    """What runs now."""

    settings: LauncherSettings
    children: dict[str, Child] = field(default_factory=dict[str, Child])
    events: "queue.Queue[Child | int]" = field(default_factory=queue.Queue)
    """Children that ended, and signals that came."""

    @property
    def logs(self) -> Path:
        return self.settings.var / "logs"

    @property
    def state_file(self) -> Path:
        return self.settings.var / "run" / "state.json"

    def start(self, command: Command) -> Child:
        child = Child(command, self.logs, self.events.put)
        self.children[child.name] = child
        return child

    def stop(self) -> None:
        """Stop all, last started first; those that hang are killed."""
        running = [child for child in reversed(self.children.values()) if child.exit_status is None]
        for child in running:
            if child.name != "valkey":
                child.ask_to_stop()
        deadline = time.monotonic() + GRACE_S
        for child in running:
            if child.name == "valkey":
                child.ask_to_stop()
            child.wait_stopped(deadline)
        self.state_file.unlink(missing_ok=True)


def run(settings: LauncherSettings, environment: dict[str, str]) -> int:
    """Run Steward until it is told to stop; gives the exit status.

    Raises:
        CannotStart: with the sentence to show.
    """
    _make_directories(settings.var)
    with _only_launcher(settings):
        system = System(settings)
        _listen_to_signals(system)
        stop_leftovers(system.state_file)
        require_free(settings.host, settings.port)
        try:
            plan = _start(system, environment)
            _announce(system, plan)
            return _keep_going(system, plan)
        except Stopped:
            return 0
        finally:
            say("Stopping …")
            system.stop()
            say("Stopped.")


def _start(system: System, environment: dict[str, str]) -> Plan:
    plan = make_plan(system.settings, environment)
    _rotate_logs(system.logs)
    if plan.valkey is not None:
        say("Starting Valkey …")
        _wait_for_valkey(system, system.start(plan.valkey), plan.valkey_port)
    say("Preparing the databases …")
    _prepare(system, plan.preparations)
    say(f"Starting {', '.join(service.command.name for service in plan.services)} …")
    for service in plan.services:
        system.start(service.command)
    for service in plan.services:
        _wait_until_ready(system, service)
    _write_state(system, plan)
    return plan


def _prepare(system: System, commands: Sequence[Command]) -> None:
    with ThreadPoolExecutor(max_workers=max(1, len(commands))) as pool:
        ended = list(pool.map(partial(run_to_end, logs=system.logs), commands))
    for command, (status, output) in zip(commands, ended, strict=True):
        if status != 0:
            what = " ".join(command.argv[3:4])
            raise CannotStart(f"`{command.name} {what}` failed:\n{output.strip()}")


def _announce(system: System, plan: Plan) -> None:
    status, link = run_to_end(plan.sign_in_link, system.logs)
    say(f"\nSteward is ready: {system.settings.url}")
    if status == 0:
        say(f"Sign in without a password, once: {link.strip()}")
    else:
        say(f"No sign-in link could be made: {link.strip()}")
    if system.settings.uses_demo_model:
        say(
            "The built-in demo model answers. For a real one set OPENAI_API_KEY in .env and start again."
        )
    say("Other agents can use its tools, after you have let them in:")
    for service in plan.services:
        if service.command.name in RESOURCES:
            say(f"  {RESOURCES[service.command.name].name}: {service.url}/mcp")
    say("Ctrl-C stops everything.\n")


def _keep_going(system: System, plan: Plan) -> int:
    """Restart what ends by itself, until a signal comes or something ends too often."""
    restarts: deque[float] = deque(maxlen=RESTARTS_A_MINUTE)
    while True:
        child = _next_end(system)
        if system.children.get(child.name) is not child:
            continue
        now = time.monotonic()
        say(f"{child.name} ended with status {child.exit_status}.")
        if len(restarts) == RESTARTS_A_MINUTE and now - restarts[0] < 60:
            say(f"It ended too often to go on. Its log: {system.logs / child.name}.log")
            return 1
        restarts.append(now)
        say(f"Starting {child.name} again …")
        system.start(child.command)
        _write_state(system, plan)


def _next_end(system: System, timeout_s: float | None = None) -> Child:
    """The next child that ended. Raises Stopped on a signal, queue.Empty after the timeout."""
    event = system.events.get(timeout=timeout_s)
    if isinstance(event, int):
        raise Stopped
    return event


def _wait_until_ready(system: System, service: Service) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not _answers(service.ready_url):
        _check_going(system, service.command.name, deadline)


def _wait_for_valkey(system: System, child: Child, port: int) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not _pongs(port):
        _check_going(system, child.name, deadline)


def _check_going(system: System, name: str, deadline: float) -> None:
    """Pause for a moment while something starts; notice when it, or anything else, has ended instead."""
    try:
        ended = _next_end(system, POLL_S)
    except queue.Empty:
        if time.monotonic() > deadline:
            raise CannotStart(
                f"{name} is not ready after {READY_TIMEOUT_S:.0f} s. {_tail(system, name)}"
            ) from None
        return
    raise CannotStart(f"{ended.name} could not be started. {_tail(system, ended.name)}")


def _tail(system: System, name: str) -> str:
    lines = "\n".join(f"  {line}" for line in system.children[name].last_lines)
    return f"The end of its log ({system.logs / name}.log):\n{lines}"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own http address
            return int(response.status) == 200
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return False


def _pongs(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def _write_state(system: System, plan: Plan) -> None:
    urls = {service.command.name: service.url for service in plan.services}
    processes = {
        name: {"pid": child.pid, "url": urls.get(name)} for name, child in system.children.items()
    }
    write_state(system.state_file, system.settings.url, processes)


def _make_directories(var: Path) -> None:
    try:
        for directory in (var, var / "keys", var / "logs", var / "run"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(
            f"STEWARD_VAR is not usable: {var} cannot be written ({error.strerror})."
        ) from None


def _rotate_logs(logs: Path) -> None:
    for log in logs.glob("*.log"):
        log.replace(log.with_suffix(".log.old"))


def _only_launcher(settings: LauncherSettings) -> IO[str]:
    """Hold the lock of this `var`; the system lets go of it when we die, however that happens."""
    lock = (settings.var / "run" / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        state = read_state(settings.var / "run" / "state.json")
        where = f" at {state['url']}" if "url" in state else ""
        raise CannotStart(
            f"Steward runs already{where} with the files in {settings.var}. Stop it first, or set "
            "STEWARD_VAR and STEWARD_PORT to run a second one."
        ) from None
    return lock


def _listen_to_signals(system: System) -> None:
    def on_signal(number: int, _: FrameType | None) -> None:
        system.events.put(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
