"""The program: what `check` prints, what a wrong set-up says, who is served."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import run_main

from mcp_search.__main__ import main

SECRET = "correct-horse-battery"
FILE = """
[[web.providers]]
kind = "searxng"
url = "http://me:{secret}@127.0.0.1:9/private"

[[web.providers]]
kind = "brave"
url = "http://127.0.0.1:9"
key = {{ env = "BRAVE_KEY" }}

[knowledge.embeddings]
kind = "openai"
url = "http://127.0.0.1:9/v1"
model = "some-model"
dimension = 8
key = {{ env = "EMBEDDINGS_KEY" }}

[knowledge.reranking]
kind = "http"
url = "http://me:{secret}@127.0.0.1:9/v1"
model = "sorter"
key = {{ env = "EMBEDDINGS_KEY" }}
"""


def test_check_tells_what_is_configured_and_what_answers_without_a_secret(tmp_path: Path) -> None:
    config = tmp_path / "search.toml"
    config.write_text(FILE.format(secret=SECRET))
    where = ("--config", str(config), "--data", str(tmp_path / "data"))
    done = run_main(main, "check", *where, BRAVE_KEY=SECRET, EMBEDDINGS_KEY=SECRET)
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "searxng at 127.0.0.1:9: does not answer (ConnectError)" in lines
    assert "brave at 127.0.0.1:9, with a key: does not answer (ConnectError)" in lines
    assert any(line.startswith("Embedded by: some-model (8) at 127.0.0.1:9;") for line in lines)
    assert "Sorted again by: sorter at 127.0.0.1:9" in lines
    assert f"Kept in: {tmp_path / 'data'}; works" in lines
    assert "Tokens accepted of: nobody" in lines


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[web.providers]]\nkind = 'brave'\n", "brave needs a key"),
        ("[[web.providers]]\nkind = 'searxng'\n", "searxng needs the url"),
        ("[knowledge.embeddings]\nkind = 'openai'\n", "openai needs url"),
        ("[web]\nsecret = 1\n", "web.secret"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    config = tmp_path / "search.toml"
    config.write_text(text)
    done = run_main(main, "check", "--config", str(config), "--data", str(tmp_path / "data"))
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_store_that_is_none_is_one_sentence_without_the_password(tmp_path: Path) -> None:
    for url in (f"mysql://me:{SECRET}@127.0.0.1:9/x", f"postgresql://me:{SECRET}@127.0.0.1:9/x"):
        done = run_main(main, "check", "--data", str(tmp_path), MCP_SEARCH_STORE_URL=url)
        assert done.returncode == 2, done.stderr
        assert SECRET not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_over_http_nobody_is_served_without_issuers(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mcp_search",
            "serve",
            "--http",
            "127.0.0.1:0",
            "--data",
            str(tmp_path),
        ],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "MCP_SEARCH_ISSUERS is not set" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
