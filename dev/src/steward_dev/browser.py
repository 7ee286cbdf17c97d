"""Finds a browser for the tests, and gets one where it may: Debian's package when root, else Playwright's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

INSTALLED_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_GET_ONE = "install Chromium (Debian: apt-get install chromium) and run `make test` again"


def find_browser() -> str | None:
    """The path of an installed Chromium or Chrome, else of Playwright's own; None when there is neither."""
    for name in INSTALLED_NAMES:
        if (path := shutil.which(name)) is not None:
            return path
    return _playwrights_own()


def get_browser() -> str | None:
    """Like `find_browser`, but installs one when there is none. None: it could not be had."""
    found = find_browser()
    if found is not None:
        return found
    print("No browser is installed; getting one for the browser tests …", flush=True)
    if os.geteuid() == 0 and shutil.which("apt-get") is not None:
        _run("apt-get", "-qq", "update")
        _run("apt-get", "-qq", "install", "-y", "--no-install-recommends", "chromium")
    else:
        _run(sys.executable, "-m", "playwright", "install", "chromium")
    return find_browser()


def _playwrights_own() -> str | None:
    caches = Path.home() / ".cache" / "ms-playwright"
    candidates = sorted(caches.glob("chromium-*/chrome-linux*/chrome"))
    return str(candidates[-1]) if candidates else None


def _run(*command: str) -> None:
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    print(get_browser() or "none")
