"""Finds a MariaDB server for the tests, and gets Debian's package when there is none and this may be done."""

from dataclasses import dataclass

from steward_dev.packages import find_program, install, may_install

HOW_TO_GET_ONE = (
    "install MariaDB's server (Debian: apt-get install mariadb-server) and run `make test` again"
)


@dataclass(frozen=True, slots=True)
class Mariadb:
    """The programs that tests start a server of their own with."""

    server: str
    install: str
    """Makes a data directory."""


def find_mariadb() -> Mariadb | None:
    """The installed programs, None when one is missing."""
    server = find_program("mariadbd")
    install_db = find_program("mariadb-install-db")
    return Mariadb(server, install_db) if server and install_db else None


def get_mariadb() -> Mariadb | None:
    """Like `find_mariadb`, but installs it when there is none and this is root. None: it could not be had."""
    found = find_mariadb()
    if found is not None or not may_install():
        return found
    print("MariaDB is not installed; getting it for its tests …", flush=True)
    install("mariadb-server")
    return find_mariadb()


if __name__ == "__main__":
    print(get_mariadb() or "none")
