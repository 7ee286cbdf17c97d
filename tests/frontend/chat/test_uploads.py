"""Uploads through a running frontend: passed on while they come, cut off where the page leaves."""

import http.client
from urllib.parse import urlsplit

import pytest
from support.frontend_site import Site, csrf_token

DOCUMENTS = "/v1/knowledge/documents"
HALF = 1024 * 1024


@pytest.fixture
def begun(site: Site) -> http.client.HTTPConnection:
    """An upload of which the first half was sent."""
    site.orchestrator.forget_everything()
    site.orchestrator.answers["PUT", DOCUMENTS] = (202, {"document": {}, "duplicate": False})
    browser = site.sign_in()
    connection = http.client.HTTPConnection(urlsplit(site.url).netloc, timeout=20)
    connection.putrequest("PUT", "/api/knowledge/documents?name=plan.md")
    connection.putheader("Cookie", f"steward={browser.cookies['steward']}")
    connection.putheader("X-CSRFToken", csrf_token(browser.get("/").text))
    connection.putheader("Content-Type", "application/octet-stream")
    connection.putheader("Content-Length", str(2 * HALF))
    connection.endheaders()
    connection.send(b"a" * HALF)
    return connection


def test_an_upload_is_passed_on_before_its_end_has_come(
    site: Site, begun: http.client.HTTPConnection
) -> None:
    site.orchestrator.wait_for_octets(HALF)
    begun.send(b"b" * HALF)
    assert begun.getresponse().status == 202
    assert site.orchestrator.last("PUT", DOCUMENTS).octets == b"a" * HALF + b"b" * HALF
    begun.close()


def test_an_upload_that_is_cut_off_is_cut_off_behind_us_too(
    site: Site, begun: http.client.HTTPConnection
) -> None:
    site.orchestrator.wait_for_octets(HALF)
    begun.close()
    assert site.orchestrator.last("PUT", DOCUMENTS).octets == b"a" * HALF
    assert site.sign_in().get("/live").status_code == 200
