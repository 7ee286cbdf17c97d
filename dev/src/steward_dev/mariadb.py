"""Finds a MariaDB server for the tests, and gets Debian's package when there is none and this may be done."""

import os
import shutil
import stat
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOW_TO_GET_ONE = (
    "install MariaDB's server (Debian: apt-get install mariadb-server) and run `make test` again"
)
SYSTEM_PROGRAMS = "/usr/sbin:/usr/local/sbin:/sbin"
"""Where a server may be without being on everybody's path."""
POLICY = Path("/usr/sbin/policy-rc.d")
"""What Debian's packages ask before they start a service."""
START_NOTHING = "#!/bin/sh\nexit 101\n"


@dataclass(frozen=True, slots=True)
class Mariadb:
    """The programs that tests start a server of their own with."""

    server: str
    install: str
    """Makes a data directory."""


def find_mariadb() -> Mariadb | None:
    """The installed programs, None when one is missing."""
    path = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PROGRAMS}"  # noqa: TID251 - as the shell would look
    server = shutil.which("mariadbd", path=path)
    install = shutil.which("mariadb-install-db", path=path)
    return Mariadb(server, install) if server and install else None


def get_mariadb() -> Mariadb | None:
    """Like `find_mariadb`, but installs it when there is none and this is root. None: it could not be had."""
    found = find_mariadb()
    if found is not None or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return found
    print("MariaDB is not installed; getting it for its tests …", flush=True)
    with _no_services():
        _run("apt-get", "-qq", "update")
        _run("apt-get", "-qq", "install", "-y", "--no-install-recommends", "mariadb-server")
    return find_mariadb()


@contextmanager
def _no_services() -> Generator[None]:
    """Tests start a server of their own; the package must not start one for the machine."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text(START_NOTHING)
    POLICY.chmod(stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def _run(*command: str) -> None:
    subprocess.run(
        command,
        check=False,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},  # noqa: TID251 - with what apt needs beside it
    )


if __name__ == "__main__":
    print(get_mariadb() or "none")
