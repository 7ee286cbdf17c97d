"""The document of the JSON API: it describes every operation, and what is answered is what it says."""

from typing import Any, cast

from support.frontend_site import json_of
from support.organisation import World


def document(world: World) -> dict[str, Any]:
    return json_of(world.visitor().get("/api/openapi.json"))


def test_every_operation_is_described_and_every_reference_leads_somewhere(world: World) -> None:
    found = document(world)
    assert found["openapi"] == "3.1.0"
    schemas = set(found["components"]["schemas"])
    named = _references(found)
    assert named <= {f"#/components/schemas/{name}" for name in schemas}
    for path in (
        "/api/auth/register", "/api/auth/login", "/api/auth/refresh", "/api/auth/logout",
        "/api/users/me", "/api/users", "/api/users/{person_id}", "/api/tenants", "/api/keys",
        "/api/token",
    ):  # fmt: skip
        assert path in found["paths"]
    assert found["paths"]["/api/auth/login"]["post"]["security"] == []
    assert found["paths"]["/api/users"]["get"]["security"] == [{"bearer": []}]


def test_people_of_the_organisation_read_as_described(world: World) -> None:
    found = document(world)
    answer = json_of(world.program("ada").call("GET", "/api/users"))
    content = found["paths"]["/api/users"]["get"]["responses"]["200"]["content"]
    page = _schema(found, content["application/json"]["schema"])
    assert set(answer) == set(page["required"])
    user = _schema(found, page["properties"]["items"]["items"])
    assert set(answer["items"][0]) == set(user["required"])


def test_an_unknown_path_and_method_are_answered_as_errors(world: World) -> None:
    ada = world.program("ada")
    for method, path, status in (
        ("GET", "/api/users/nobody", 404),
        ("PUT", "/api/users", 405),
        ("GET", "/api/nothing", 404),
    ):
        answer = ada.call(method, path)
        assert answer.status_code == status
        assert set(json_of(answer)["error"]) >= {"code", "message", "retryable"}


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        own = {str(fields["$ref"])} if "$ref" in fields else set[str]()
        return own.union(*(_references(inner) for inner in fields.values()))
    if isinstance(value, list):
        return set[str]().union(*(_references(inner) for inner in cast("list[Any]", value)))
    return set()


def _schema(found: dict[str, Any], reference: dict[str, str]) -> dict[str, Any]:
    return found["components"]["schemas"][reference["$ref"].rpartition("/")[2]]
