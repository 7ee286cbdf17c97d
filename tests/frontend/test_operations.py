"""What those who run it ask: alive, ready, measured; and whose address counts behind a proxy."""

import pytest
from flask import request
from support.frontend_site import Browser, json_of
from support.valkey import valkey

from frontend.app import Application, create_app
from frontend.rights import ANYBODY, open_to


def test_it_is_ready_with_its_database_and_redis(browser: Browser) -> None:
    assert json_of(browser.get("/live")) == {"status": "live"}
    answer = browser.get("/ready")

    assert answer.status_code == 200
    assert json_of(answer)["checks"] == {"database": "ok", "redis": "ok"}


def test_it_is_not_ready_without_them_and_says_which(application: Application) -> None:
    with valkey() as gone:
        pass
    settings = application.parts.settings
    missing = settings.key_file.parent / "nothing-here.db"
    changes = {"redis_url": gone.url, "database_url": f"sqlite:///{missing}"}
    broken = create_app(settings.model_copy(update=changes), async_mode="threading")

    answer = broken.flask.test_client().get("/ready")

    assert answer.status_code == 503
    checks = json_of(answer)["checks"]
    assert "frontend migrate" in checks["database"]
    assert checks["redis"] == "does not answer"
    broken.parts.close()


def test_metrics_are_in_the_form_prometheus_reads(browser: Browser) -> None:
    answer = browser.get("/metrics")

    assert answer.content_type.startswith("text/plain")
    assert "frontend_relays_running" in answer.text


@pytest.mark.parametrize(("proxies", "address"), [(0, "127.0.0.1"), (1, "198.51.100.7")])
def test_the_address_a_proxy_names_counts_only_if_the_proxy_is_ours(
    application: Application, proxies: int, address: str
) -> None:
    settings = application.parts.settings.model_copy(update={"trusted_proxies": proxies})
    behind = create_app(settings, async_mode="threading")

    @behind.flask.get("/who")
    @open_to(ANYBODY)
    def who() -> str:
        return str(request.remote_addr)

    del who

    headers = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
    assert behind.flask.test_client().get("/who", headers=headers).text == address
    behind.parts.close()
