"""Runs a program's `main` in this process, which saves the seconds that its imports take in one of its own."""

import contextlib
import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Generator

import pytest
import structlog


def run_main(
    main: Callable[[], None], *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """As a process would end that knows of this environment only."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        _logs_as_before(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        for name in list(os.environ):
            patch.delenv(name)
        for name, value in {"HOME": "/nonexistent", **environment}.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["program", *arguments])
        status = _status_of(main)
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


def _status_of(main: Callable[[], None]) -> int:
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, int | None):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    return 0


@contextlib.contextmanager
def _logs_as_before() -> Generator[None]:
    """Programs send them to the standard error that they find."""
    configured, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        structlog.configure(**configured)
        root.handlers[:] = handlers
        root.setLevel(level)
