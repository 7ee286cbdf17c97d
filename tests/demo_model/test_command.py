"""The command line: what is wrong is said in one sentence before anything is served."""

import subprocess
import sys

import pytest


def serve(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo_model", "serve", *arguments],
        capture_output=True,
        check=False,
        env=variables,
        text=True,
        timeout=20,
    )


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1:99999", "127.0.0.1:-1", "[::1]:x"])
def test_an_address_that_cannot_be_served_is_refused(address: str) -> None:
    ended = serve("--http", address)
    assert ended.returncode == 1
    assert ended.stderr.startswith("--http takes HOST:PORT")
    assert address in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("DEMO_MODEL_LOG_LEVEL", "chatty"), ("DEMO_MODEL_WORD_DELAY_MS", "abc")]
)
def test_a_bad_variable_is_named_without_a_traceback(name: str, value: str) -> None:
    ended = serve(**{name: value})
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{name} is not usable")
    assert "Traceback" not in ended.stderr
