"""Compose file, manifests, launcher and documents say the same things."""

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from pydantic_settings import BaseSettings

from demo_model.settings import Settings as DemoModel
from frontend.settings import Settings as Frontend
from mcp_dbquery.settings import Settings as DbQuery
from mcp_email.settings import Settings as Email
from mcp_search.settings import Settings as Search
from orchestrator.settings import Settings as Orchestrator
from shared.scopes import RESOURCES
from steward_dev.launcher.settings import LauncherSettings
from steward_dev.manifests import resources

ROOT = Path(__file__).parents[2]
BASE = ROOT / "deploy/k8s/base"
SERVICES: dict[str, type[BaseSettings]] = {
    "demo-model": DemoModel,
    "frontend": Frontend,
    "mcp-dbquery": DbQuery,
    "mcp-email": Email,
    "mcp-search": Search,
    "orchestrator": Orchestrator,
}
INSIDE = {
    "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
}  # fmt: skip
"""Where clusters, clouds and their metadata are."""
COMPOSE = cast("dict[str, Any]", yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


def variables(settings: type[BaseSettings]) -> set[str]:
    prefix = settings.model_config.get("env_prefix", "")
    return {
        field.validation_alias
        if isinstance(field.validation_alias, str)
        else f"{prefix}{name}".upper()
        for name, field in settings.model_fields.items()
    }


def manifests() -> list[dict[str, Any]]:
    paths = resources(BASE)
    return [document for path in paths for document in yaml.safe_load_all(path.read_text())]


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_in_compose_and_in_the_manifests(service: str) -> None:
    assert service in COMPOSE["services"]
    deployed = {m["metadata"]["name"] for m in manifests() if m["kind"] == "Deployment"}
    assert service in deployed
    assert f"`services/{service}`" in (ROOT / "ARCHITECTURE.md").read_text()


@pytest.mark.parametrize("service", SERVICES)
def test_only_variables_that_exist_are_set(service: str) -> None:
    known = variables(SERVICES[service])
    assert set(COMPOSE["services"][service].get("environment", {})) <= known
    env_file = BASE / service / f"{service}.env"
    if env_file.exists():
        names = {line.partition("=")[0] for line in env_file.read_text().splitlines() if line}
        assert names <= known
    for manifest in manifests():
        if manifest["kind"] in {"Deployment", "Job"} and manifest["metadata"]["name"].startswith(
            service
        ):
            (container,) = manifest["spec"]["template"]["spec"]["containers"]
            assert {variable["name"] for variable in container.get("env", [])} <= known


def settings_of(service: str, where: str) -> dict[str, str]:
    """The service's variables: in the compose file, or in the manifests."""
    if where == "compose":
        return COMPOSE["services"][service]["environment"]
    lines = (BASE / service / f"{service}.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line)


@pytest.mark.parametrize("where", ["compose", "manifests"])
def test_issuers_audiences_and_scopes_are_the_same_on_all_sides(where: str) -> None:
    frontend, orchestrator = (settings_of(name, where) for name in ("frontend", "orchestrator"))
    resources_known = json.loads(frontend["FRONTEND_RESOURCES"])
    called = json.loads(orchestrator["ORCHESTRATOR_TOOL_SERVERS"])
    assert set(json.loads(orchestrator["ORCHESTRATOR_TRUSTED_ISSUERS"])) == {
        frontend["FRONTEND_ISSUER"]
    }
    for server, resource in RESOURCES.items():
        prefix = server.replace("-", "_").upper()
        told = {
            name.removeprefix(f"{prefix}_"): value
            for name, value in settings_of(server, where).items()
        }
        scopes = {"name": resource.name, "scopes": sorted(resource.all)}
        assert resources_known[told["RESOURCE_URL"]] == scopes
        assert told["RESOURCE_URL"] in {one["audience"] for one in called.values()}
        assert json.loads(told["AUTHORIZATION_SERVERS"]) == [frontend["FRONTEND_ISSUER"]]
        assert set(json.loads(told["ISSUERS"])) == {
            frontend["FRONTEND_ISSUER"],
            orchestrator["ORCHESTRATOR_ISSUER"],
        }
    assert len(resources_known) == len(RESOURCES)


def test_secrets_are_only_referred_to() -> None:
    for manifest in manifests():
        assert manifest["kind"] != "Secret"
        if manifest["kind"] not in {"Deployment", "Job"}:
            continue
        for container in manifest["spec"]["template"]["spec"]["containers"]:
            for variable in container.get("env", []):
                assert "value" not in variable, variable["name"]


def test_every_pod_is_confined() -> None:
    for manifest in manifests():
        if manifest["kind"] not in {"Deployment", "Job", "StatefulSet"}:
            continue
        pod = manifest["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert "limits" in container["resources"]


def test_network_policies_allow_what_the_architecture_says_and_no_more() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    table = text.partition("| from | to |")[2].partition("\n\n")[0]
    documented = {
        (row.split("|")[1].strip(), peer)
        for row in table.splitlines()[2:]
        for peer in SERVICES
        if peer in row.split("|")[2]
    }
    allowed = {
        (policy["metadata"]["name"], peer["podSelector"]["matchLabels"]["app"])
        for policy in manifests()
        if policy["kind"] == "NetworkPolicy"
        for rule in policy["spec"].get("egress", [])
        for peer in rule.get("to", [])
        if "matchLabels" in peer.get("podSelector", {})
        and "app" in peer["podSelector"]["matchLabels"]
        if peer["podSelector"]["matchLabels"]["app"] in SERVICES
    }
    assert allowed == {edge for edge in documented if edge[0] in SERVICES}


def test_who_may_reach_the_web_reaches_nothing_inside() -> None:
    found: dict[str, set[int]] = {}
    for file in sorted((ROOT / "deploy" / "k8s" / "components").glob("*/network.yaml")):
        for policy in yaml.safe_load_all(file.read_text()):
            for rule in policy["spec"].get("egress", []):
                blocks = [peer["ipBlock"] for peer in rule.get("to", []) if "ipBlock" in peer]
                for block in blocks:
                    assert set(block["except"]) >= INSIDE, policy["metadata"]["name"]
                    found[policy["metadata"]["name"]] = {port["port"] for port in rule["ports"]}
    assert found["frontend-agents"] == {443}


def test_the_example_file_names_what_the_launcher_reads_and_nothing_else() -> None:
    named = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert named == variables(LauncherSettings) - {"STEWARD_DEMO_SCRIPTS"}


def test_links_between_documents_lead_somewhere() -> None:
    for document in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("services/*/README.md"),
        *ROOT.glob("deploy/*.md"),
    ]:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_readmes_verbs_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for verb in set(re.findall(r"`?make (?:-s )?([a-z]+)", (ROOT / "README.md").read_text())):
        assert re.search(rf"^{verb}:.*## ", makefile, re.MULTILINE), verb
