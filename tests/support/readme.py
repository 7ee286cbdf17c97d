"""Runs what a tool server's README says: its shell blocks, and its configurations of other programs as those read them.

- Claude Desktop: https://modelcontextprotocol.io/docs/develop/connect-local-servers
- Cursor: https://cursor.com/docs/mcp (files, `type`, `url` and `headers`, `${env:NAME}` and `${workspaceFolder}`)
- VS Code: https://code.visualstudio.com/docs/copilot/reference/mcp-configuration (`servers`, `type`, `inputs`)
- MCP Inspector: https://modelcontextprotocol.io/docs/2026-07-28/tools/inspector/cli
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
from support.markdown import Block
from support.mcp_clients import NODE, NPX, Target, install_node_clients

from shared import mcp_server
from shared.mcp_server import Problem


def shell_in(tools: Path) -> Mapping[str, str]:
    """An environment with our programs and npx, whose cache is what the lock file pins."""
    install_node_clients()
    npx = tools / "npx"
    npx.write_text(f'#!/bin/sh\nexec {shlex.quote(NODE)} {shlex.quote(NPX)} "$@"\n')
    npx.chmod(0o755)
    commands = (str(tools), str(Path(NODE).parent), str(Path(sys.executable).parent))
    return {
        "PATH": os.pathsep.join([*commands, os.environ["PATH"]]),
        "HOME": str(tools),
        "npm_config_offline": "true",
        "MCP_INSPECTOR_SECRET_STORE": "memory",
        "MCP_AUTO_OPEN_ENABLED": "false",
    }


def servers_of(title: str, text: str, folder: Path, secrets: Mapping[str, str]) -> dict[str, Any]:
    """The servers that a configuration names, as the program it is for would start or call them."""
    content = json.loads(text)
    if title.startswith(".vscode"):
        assert set(content) <= {"servers", "inputs"}
        inputs = {one["id"] for one in content.get("inputs", [])}
        assert inputs == set(re.findall(r"\$\{input:([^}]+)\}", text))
        servers = content["servers"]
        assert all(server["type"] in {"stdio", "http"} for server in servers.values())
    else:
        assert set(content) == {"mcpServers"}
        servers = content["mcpServers"]
    known = {"command", "args", "env"}
    if not title.startswith("claude"):
        known |= {"type", "url", "headers", "envFile"}
    assert all(set(server) <= known for server in servers.values())
    resolved = json.dumps(servers).replace("${workspaceFolder}", str(folder))
    for name, value in secrets.items():
        resolved = resolved.replace(name, value)
    assert "${" not in resolved
    return json.loads(resolved)


def target_of(server: Mapping[str, Any]) -> Target:
    return {name: part for name, part in server.items() if name != "type"}


def run(
    script: str, folder: Path, environment: Mapping[str, str], *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a block of shell commands, of which each must succeed."""
    done = subprocess.run(
        ["sh", "-euc", script],
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@contextmanager
def running(script: str, folder: Path, environment: Mapping[str, str]) -> Generator[None]:
    """Run a block that goes on until it is stopped."""
    process = subprocess.Popen(
        ["sh", "-euc", script], cwd=folder, env=dict(environment), start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def answers(http: httpx.Client, url: str) -> bool:
    try:
        return http.get(url).status_code == 200
    except httpx.TransportError:
        return False


def structured(printed: str) -> dict[str, Any]:
    """The structured result in what the Inspector printed last."""
    return json.loads(printed[printed.index("\n{\n") if "\n{\n" in printed else 0 :])[
        "structuredContent"
    ]


def commands_of(block: Block) -> list[list[str]]:
    lines = block.text.replace("\\\n", "").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def column(readme: str, heading: str, number: int) -> list[str]:
    """The cells of a column of the table under a heading, without their marks."""
    section = readme.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [line.split("|")[number + 1].strip().strip("`") for line in lines]


def limits_in(readme: str) -> dict[str, float]:
    """The table of limits: name → default."""
    told = zip(column(readme, "Limits", 0), column(readme, "Limits", 1), strict=True)
    return {name: float(value.replace(",", "")) for name, value in told}


def codes_of(errors: ModuleType) -> set[str]:
    """The code of every problem that a server with these errors may tell."""
    kinds = [*vars(errors).values(), *vars(mcp_server).values()]
    return {
        kind.code
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, Problem) and kind is not Problem
    }
