"""Ports on this machine."""

import socket

from steward_dev.launcher.failures import CannotStart


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def this_or_free_port(port: int) -> int:
    """This one, else one that nobody listens on now: if it is taken, or is 0."""
    try:
        with socket.create_server(("127.0.0.1", port)) as listener:
            return int(listener.getsockname()[1])
    except OSError:
        return free_port()


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
