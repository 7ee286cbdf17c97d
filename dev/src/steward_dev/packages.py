"""Gets Debian packages for tests where that may be done, without a service being started for the machine."""

import os
import shutil
import stat
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

SYSTEM_PROGRAMS = "/usr/sbin:/usr/local/sbin:/sbin"
"""Where a server may be without being on everybody's path."""
POLICY = Path("/usr/sbin/policy-rc.d")
"""What Debian's packages ask before they start a service."""
START_NOTHING = "#!/bin/sh\nexit 101\n"


def find_program(name: str) -> str | None:
    """Its path, also where only root would look."""
    path = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PROGRAMS}"  # noqa: TID251 - as the shell would look
    return shutil.which(name, path=path)


def may_install() -> bool:
    """Whether this is root on a Debian."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(*packages: str) -> None:
    """Try to; whoever asks looks afterwards for what was wanted."""
    with _no_services():
        _run("apt-get", "-qq", "update")
        _run("apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages)


@contextmanager
def _no_services() -> Generator[None]:
    """Tests start servers of their own."""
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
