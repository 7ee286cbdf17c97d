"""The command line as a person or a launcher meets it: real processes."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support.fake_orchestrator import FakeOrchestrator
from support.frontend_site import environment_of, running_site, settings_for
from support.ports import free_port
from support.valkey import Valkey

from frontend.serve import listen
from frontend.settings import Settings


@pytest.fixture
def settings(
    files: Path, tmp_path: Path, redis_server: Valkey, orchestrator: FakeOrchestrator
) -> Settings:
    """With keys, and a database that does not exist yet."""
    for name in ("key.json", "secret"):
        (tmp_path / name).write_bytes((files / name).read_bytes())
    return settings_for(tmp_path, redis_server.url, orchestrator.url)


def run(*arguments: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "frontend", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def test_a_new_installation_is_migrated_and_opened_by_its_link(settings: Settings) -> None:
    environment = environment_of(settings)

    too_early = run("sign-in-link", environment=environment)
    assert too_early.returncode == 1
    assert "Run `frontend migrate`" in too_early.stderr
    assert "Traceback" not in too_early.stderr

    assert run("migrate", environment=environment).returncode == 0
    link = run("sign-in-link", environment=environment).stdout.strip()
    assert link.startswith("http://127.0.0.1:8080/sign-in/link/")


def test_wrong_variables_are_named(settings: Settings) -> None:
    environment = {
        **environment_of(settings),
        "FRONTEND_PUBLIC_URL": "nowhere",
        "FRONTEND_REDIS_URL": "",
    }

    answer = run("serve", environment=environment)

    assert answer.returncode == 2
    assert "FRONTEND_PUBLIC_URL is not usable" in answer.stderr
    assert "FRONTEND_REDIS_URL is not set." in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("key.json", None, "No such file"),
        ("secret", "short", "at least 32 random characters"),
    ],
)
def test_a_key_that_cannot_be_used_stops_the_start(
    settings: Settings, tmp_path: Path, file: str, content: str | None, sentence: str
) -> None:
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_text(content)

    answer = run("serve", environment=environment_of(settings))

    assert answer.returncode == 1
    assert sentence in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_port_that_is_taken_is_said(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        answer = run("serve", "--http", address, environment=environment_of(settings))

    assert answer.returncode == 1
    assert f"{address} cannot be listened on" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_goodbye_to_its_sockets_and_stops(
    files: Path,
    tmp_path: Path,
    settings: Settings,
    orchestrator: FakeOrchestrator,
    number: signal.Signals,
) -> None:
    (tmp_path / "identity.db").write_bytes((files / "identity.db").read_bytes())
    port = free_port()
    settings = settings_for(
        tmp_path,
        settings.redis_url,
        orchestrator.url,
        public_url=f"http://127.0.0.1:{port}",
    )
    with running_site(settings, orchestrator, port) as site:
        site.sign_up()
        page = site.page(site.sign_in())
        os.kill(site.process.pid, number)

        assert page.ended.wait(15)
        assert site.process.wait(timeout=15) == 0
        site.close_all()


def test_nothing_uses_sockets_before_gevent_has_patched_them() -> None:
    code = "import sys, frontend.__main__; print({'asyncio', 'ssl', 'pydantic'} & set(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "set()"


def test_connections_send_at_once() -> None:
    with (
        listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
