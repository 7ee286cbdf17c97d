"""The JSON API keeps to its own OpenAPI document, whatever it is sent."""

from typing import Any

import pytest
import schemathesis
from schemathesis.schemas import BaseSchema
from support.api_schema import Known, open_to_nobody, operations, run
from support.organisation import World

OPEN = {
    "POST /api/auth/login",
    "POST /api/auth/logout",
    "POST /api/auth/refresh",
    "POST /api/auth/register",
}
"""Whoever calls these says in the body who they are."""

PICKY = {
    "POST /api/tenants/{tenant_id}/invitations": "None goes to an address where mail is not set up, as here.",
    "POST /api/token": "The audiences are the operator's.",
}
NEVER_DONE = {"POST /api/auth/login": "Passwords are not guessed; see api_sessions/test_auth.py."}


@pytest.fixture
def changes() -> dict[str, Any]:
    """One program calls a thousand times a minute here."""
    return {
        "sign_in_attempts_a_minute": 100_000,
        "sign_in_burst": 100_000,
        "invitations_a_minute": 100_000,
    }


@pytest.fixture
def schema(world: World) -> BaseSchema:
    return schemathesis.openapi.from_wsgi("/api/openapi.json", world.application.flask)


def somebody(world: World, label: str) -> Known:
    """Whoever can do it."""
    founded = world.newly_founded()
    ids = {**founded.ids, "audience": "orchestrator"}
    match label:
        case "POST /api/tenants":  # for the first organisation's owner
            return Known(world.program("ada").token, ids)
        case "POST /api/tenants/memberships":  # of others
            return Known(world.newly_founded().owner, ids)
        case "DELETE /api/tenants/{tenant_id}/members/me":  # not the last owner
            return Known(founded.member, ids)
        case "POST /api/token":
            return Known(founded.key, ids)
        case _:
            return Known(founded.owner, ids)


@pytest.mark.timeout(300)  # mostly computing, and the machine may be busy
def test_every_answer_is_as_described(world: World, schema: BaseSchema) -> None:
    found = run(schema, lambda label: somebody(world, label), PICKY)
    assert not found.failures, "\n\n".join(found.failures)
    assert found.picky == set(PICKY)
    assert found.never_done == set(NEVER_DONE)


def test_nobody_gets_in_but_where_the_document_says_so(world: World, schema: BaseSchema) -> None:
    declared = {
        operation.label
        for operation in operations(schema)
        if not operation.definition.raw["security"]
    }
    assert declared == OPEN
    assert open_to_nobody(schema, world.newly_founded().ids) == OPEN
