"""Mail in the running product: found, read, shown before it leaves, sent as approved, once."""

import json
import os
import subprocess
import sys
from collections.abc import Generator

import httpx
import pytest
from support.asked import asking, one
from support.frontend_site import csrf_token
from support.system import OWNER, System, launched

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Generator[System]:
    with launched(
        tmp_path_factory.mktemp("steward"), STEWARD_REGISTRATION="own_organisation"
    ) as system:
        yield system


def test_a_mail_is_shown_before_it_leaves_and_sent_as_approved(system: System) -> None:
    with asking(system) as person:
        events = person.ask(
            'Send an e-mail to bob@example.com with subject "Lunch" saying At noon?',
            {"subject": "Dinner"},
        )
        shown = one(events, "approval_needed")
        assert shown["preview"]["summary"] == "Send to bob@example.com: Lunch"
        assert "idempotency_key" not in shown["arguments"]
        assert one(events, "call_finished")["state"] == "succeeded"
        found = person.ask("Find mails about Dinner")
        assert '"folder": "Sent"' in json.dumps(one(found, "call_finished"))
        inbox = person.ask("Show my latest mails")
        assert not [event for event in inbox if event["kind"] == "approval_needed"]
        assert '"folder": "Inbox"' in json.dumps(one(inbox, "call_finished"))


def test_mails_about_accounts_stay_here_for_whoever_runs_it(system: System) -> None:
    with httpx.Client(base_url=system.url, timeout=20) as browser:
        token = csrf_token(browser.get("/sign-up").text)
        owner = dict(zip(("name", "email", "password"), OWNER, strict=True))
        browser.post("/sign-up", data={**owner, "csrf_token": token})
        browser.cookies.clear()
        token = csrf_token(browser.get("/register").text)
        form = {"name": "Grace", "email": "grace@example.org", "password": "nanoseconds matter"}
        assert "on its way" in browser.post("/register", data={**form, "csrf_token": token}).text

    # It is sent beside the request.
    tries = (_mails(system) for _ in range(20))
    mails = next((mails for mails in tries if "grace@example.org" in mails), "")
    assert f"{system.url}/sign-in/mail/" in mails


def _mails(system: System) -> str:
    command = [sys.executable, "-m", "steward_dev.launcher", "mails"]
    environment = {**os.environ, "STEWARD_VAR": str(system.var)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
