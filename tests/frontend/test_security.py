"""What protects the pages: headers, CSRF tokens, and errors that say little."""

import pytest
from support.frontend_site import OWNER, Browser, csrf_token, json_of, settings_for

from frontend.app import Application, create_app
from frontend.rights import ANYBODY, open_to

POLICY = {
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
}


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/nothing-here", "/api/about", "/live", "/ready"]
)
def test_every_answer_tells_browsers_what_they_may_do(owner: Browser, path: str) -> None:
    headers = owner.get(path).headers

    policy = {part.strip() for part in headers["Content-Security-Policy"].split(";")}
    assert policy > POLICY
    assert not any("unsafe" in part for part in policy)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers


def test_over_https_cookies_and_browsers_stay_on_https(application: Application) -> None:
    settings = application.parts.settings
    secure = create_app(
        settings.model_copy(
            update={
                "public_url": settings_for(
                    settings.key_file.parent,
                    settings.redis_url,
                    str(settings.orchestrator_url),
                    public_url="https://steward.example.org",
                ).public_url
            }
        ),
        async_mode="threading",
    )

    answer = secure.flask.test_client().get("/sign-up", base_url="https://steward.example.org")

    assert "max-age=" in answer.headers["Strict-Transport-Security"]
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "wss://steward.example.org" in answer.headers["Content-Security-Policy"]
    secure.parts.close()


def test_static_files_are_kept_for_ever_under_their_release(browser: Browser) -> None:
    page = browser.get("/sign-up").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]

    with browser.get(address) as answer:
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    release = address.split("/")[2]
    assert browser.get(address.replace(release, "0123456789ab")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/sign-in"),
        ("POST", "/sign-up"),
        ("POST", "/sign-out"),
        ("POST", "/sign-in/link/abc"),
        ("PATCH", "/api/conversations/c-1"),
        ("DELETE", "/api/conversations/c-1"),
        ("POST", "/api/calls/call-1/preview"),
        ("PUT", "/api/tools/dbquery/query/acceptance"),
    ],
)
@pytest.mark.parametrize("token", ["", "made-up"])
def test_nothing_is_changed_without_the_pages_token(
    owner: Browser, method: str, path: str, token: str
) -> None:
    answer = owner.client.open(path, method=method, headers={"X-CSRFToken": token})

    assert answer.status_code == 403
    assert "Load it again" in answer.text


def test_a_call_after_the_session_ended_says_so(application: Application, owner: Browser) -> None:
    token = csrf_token(owner.get("/").text)
    application.parts.redis.flushdb()  # pyright: ignore[reportUnknownMemberType]

    answer = owner.client.delete("/api/conversations/c-1", headers={"X-CSRFToken": token})

    assert answer.status_code == 401
    assert json_of(answer)["error"]["code"] == "not_signed_in"


def test_a_form_of_another_session_is_refused_in_words(owner: Browser) -> None:
    answer = owner.client.post("/sign-in", data={**OWNER, "csrf_token": "of another session"})

    assert answer.status_code == 403
    assert "Load it again" in answer.text


def test_an_unknown_page_says_so_to_people_and_to_programs(owner: Browser) -> None:
    page, answer = owner.get("/nothing-here"), owner.get("/api/nothing-here")

    assert (page.status_code, answer.status_code) == (404, 404)
    assert "There is nothing here." in page.text
    assert json_of(answer)["error"]["code"] == "not_found"


def test_a_method_that_is_not_offered_is_refused(owner: Browser) -> None:
    answer = owner.call("DELETE", "/api/about")

    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_a_body_of_two_megabytes_is_refused(owner: Browser) -> None:
    assert owner.call("PATCH", "/api/conversations/c-1", {"title": "x" * 2**21}).status_code == 413


def test_a_crash_is_logged_and_says_nothing_about_itself(
    application: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    @open_to(ANYBODY)
    def crash() -> str:
        raise RuntimeError("the secret is swordfish")

    application.flask.add_url_rule("/crash", view_func=crash)
    answer = application.flask.test_client().get("/crash")

    assert answer.status_code == 500
    assert "It was logged" in answer.text
    assert "swordfish" not in answer.text
    capsys.readouterr()
