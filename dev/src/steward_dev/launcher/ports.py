"""Ports on this machine."""

import random
import socket

from steward_dev.launcher.failures import CannotStart

OURS = range(20_000, 32_000)
"""Below those that Linux and macOS give away by themselves: none of these is taken between its choice and its use."""


def free_port() -> int:
    """A port nobody listens on now."""
    return next(port for port in random.sample(OURS, len(OURS)) if _is_free(port))


def this_or_free_port(port: int) -> int:
    """This one, else one that nobody listens on now: if it is taken, or is 0."""
    return port if port and _is_free(port) else free_port()


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def require_free(host: str, port: int) -> None:
    """Raises CannotStart when the port is taken or may not be used."""
    try:
        with socket.create_server((host, port)):
            return
    except PermissionError:
        why = f"Port {port} may only be used by root."
    except socket.gaierror:
        raise CannotStart(
            f"STEWARD_HOST is not usable: {host} is no address of this machine."
        ) from None
    except OSError as error:
        why = f"Port {port} cannot be used ({error.strerror or error})."
    raise CannotStart(f"{why} Choose another: STEWARD_PORT={_other(port)} make run")


def _other(port: int) -> int:
    return port + 1 if 1024 <= port < 65_535 else 8081
