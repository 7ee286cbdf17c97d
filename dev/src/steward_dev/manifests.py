"""Checks the Kubernetes manifests and the compose file against their schemas, offline."""

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import yaml

ALL = Path("deploy/k8s")


def main() -> None:
    """Exits 1 after naming each invalid file."""
    listed = [
        path for file in sorted(ALL.rglob("kustomization.yaml")) for path in resources(file.parent)
    ]
    invalid = [
        str(path) for path in listed if not _passes("kubernetes-validate", "--strict", str(path))
    ]
    if not _passes(
        "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"
    ):
        invalid.append("docker-compose.yml")
    forgotten = {path for path in ALL.rglob("*.yaml") if path.name != "kustomization.yaml"} - set(
        listed
    )
    invalid += [f"{path} (not listed in kustomization.yaml)" for path in sorted(forgotten)]
    if invalid:
        sys.exit(f"Invalid: {', '.join(invalid)}")


def resources(folder: Path) -> list[Path]:
    """The files that kustomization.yaml names."""
    kustomization = cast(
        "dict[str, Any]", yaml.safe_load((folder / "kustomization.yaml").read_text())
    )
    return [folder / name for name in kustomization["resources"]]


def _passes(tool: str, *arguments: str) -> bool:
    command = [str(Path(sys.executable).parent / tool), *arguments]
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    if finished.returncode != 0:
        print(finished.stdout + finished.stderr)
    return finished.returncode == 0


if __name__ == "__main__":
    main()
