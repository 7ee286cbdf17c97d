"""Every route answers whom its rule admits, and nobody when it has none."""

import pytest
from sqlalchemy import select, update
from support.frontend_site import Browser, add_person

from frontend.accounts.models import PersonRow, SecurityEventRow
from frontend.accounts.security_events import SecurityEvent, record
from frontend.app import Application
from frontend.rights import ADMINS, Routes, open_to, rule_of


def test_every_route_has_a_rule(application: Application) -> None:
    app = application.flask
    without = [
        rule.rule for rule in app.url_map.iter_rules() if rule_of(app, rule.endpoint) is None
    ]
    assert without == []


def test_a_route_without_a_rule_is_closed(application: Application, visitor: Browser) -> None:
    application.flask.add_url_rule("/forgotten", view_func=lambda: "secret")
    assert visitor.get("/forgotten").status_code == 404


@pytest.fixture
def admin_page(application: Application) -> str:
    routes = Routes("admin_tests")

    @routes.get("/for-admins")
    @open_to(ADMINS)
    def page() -> str:
        return "for admins"

    del page
    application.flask.register_blueprint(routes)
    return "/for-admins"


def test_a_role_that_is_not_enough_is_told_so(
    application: Application, admin_page: str, owner: Browser
) -> None:
    add_person(application.parts.database, "eve@example.org")
    eve, nobody = (Browser(application.flask.test_client()) for _ in range(2))
    eve.sign_in(email="eve@example.org")

    assert owner.get(admin_page).text == "for admins"
    refused = eve.get(admin_page)
    assert refused.status_code == 403
    assert "role owner or admin" in refused.text
    assert nobody.get(admin_page).headers["Location"] == "/sign-in?next=/for-admins"


def test_somebody_who_was_disabled_is_signed_out(application: Application, owner: Browser) -> None:
    with application.parts.database.transaction() as session:
        session.execute(update(PersonRow).values(is_disabled=True))
    assert owner.get("/").headers["Location"] == "/sign-in?next=/"


def test_security_events_are_kept_with_who_and_where(
    application: Application, visitor: Browser
) -> None:
    with application.flask.test_request_context(environ_base={"REMOTE_ADDR": "203.0.113.9"}):
        record(SecurityEvent.SIGN_IN_REFUSED, email="x" * 500)
    with application.parts.database.transaction() as session:
        event = session.scalars(select(SecurityEventRow)).one()
    assert (event.kind, event.address) == ("sign_in_refused", "203.0.113.9")
    assert event.facts == {"email": "x" * 200}
    assert 'kind="sign_in_refused"' in visitor.get("/metrics").text
