"""mcp-dbquery on its own: its wheels hold all that it needs, and it runs without the rest of Steward."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.markdown import blocks_of
from support.mcp_clients import ROOT

pytestmark = pytest.mark.timeout(300)

UV = str(Path(sys.executable).with_name("uv"))
README = ROOT / "services" / "mcp-dbquery" / "README.md"
PACKAGES = {
    "mcp_dbquery": ROOT / "services" / "mcp-dbquery" / "src" / "mcp_dbquery",
    "shared": ROOT / "shared" / "src" / "shared",
}


def run(*command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Built as the README says."""
    dist = tmp_path_factory.mktemp("dist")
    (block,) = (one for one in blocks_of(README.read_text()) if one.title == "install-pipx")
    builds = [line for line in block.text.splitlines() if line.startswith("uv build")]
    for build in builds:
        run(UV, *build.replace("--out-dir dist", f"--quiet --out-dir {dist}").split()[1:])
    built = sorted(dist.glob("*.whl"))
    assert all(f"dist/{wheel.name}" in block.text for wheel in built)
    return built


def test_the_wheels_hold_every_file_of_the_packages(wheels: list[Path]) -> None:
    held = {name for wheel in wheels for name in zipfile.ZipFile(wheel).namelist()}
    for package, folder in PACKAGES.items():
        files = [
            path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
        ]
        expected = {f"{package}/{path.relative_to(folder).as_posix()}" for path in files}
        assert f"{package}/py.typed" in expected
        assert expected <= held


def test_it_runs_in_an_environment_of_its_own(wheels: list[Path], tmp_path: Path) -> None:
    python = str(tmp_path / "venv" / "bin" / "python")
    requirements = tmp_path / "requirements.txt"
    run(UV, "export", "--quiet", "--frozen", "--no-dev", "--no-emit-workspace",
        "--package", "mcp-dbquery", "--output-file", str(requirements))  # fmt: skip
    run(UV, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv"))
    install = (UV, "pip", "install", "--quiet", "--python", python)
    run(*install, "--require-hashes", "--requirements", str(requirements))
    run(*install, "--no-deps", *map(str, wheels))

    made = run(python, "-m", "mcp_dbquery", "sample", str(tmp_path / "tracker.db"), cwd=tmp_path)
    assert "Made" in made
    configuration = tmp_path / "dbquery.toml"
    configuration.write_text(f'[databases.tracker]\nurl = "sqlite:///{tmp_path}/tracker.db"\n')
    told = run(python, "-m", "mcp_dbquery", "check", "--config", str(configuration), cwd=tmp_path)
    assert "projects (table, 8 columns)" in told
