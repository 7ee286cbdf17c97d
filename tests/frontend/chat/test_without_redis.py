"""What goes on when Redis is lost while people chat."""

import json
import shutil
import uuid
from pathlib import Path

from support.fake_orchestrator import FakeOrchestrator
from support.frontend_site import running_site, settings_for
from support.ports import free_port
from support.valkey import valkey


def test_sessions_are_checked_and_without_redis_answers_are_shown_and_questions_refused(
    files: Path, tmp_path: Path, orchestrator: FakeOrchestrator
) -> None:
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    port = free_port()
    with valkey() as redis_server:
        settings = settings_for(
            tmp_path,
            redis_server.url,
            orchestrator.url,
            public_url=f"http://127.0.0.1:{port}",
            session_check_s=0.1,
        )
        with running_site(settings, orchestrator, port) as site:
            site.sign_up()
            page = site.page(site.sign_in())
            forgotten, expired = site.sign_in(), site.page(site.sign_in())
            site.forget_latest_row()
            assert expired.ended.wait(20), "found out without anybody saying so"
            lost = site.page(forgotten)
            site.forget_session(forgotten)
            assert lost.ended.wait(20)
            question = {"conversation_id": "c-redis", "client_id": uuid.uuid4().hex, "text": "Hi"}
            turn = orchestrator.turns[page.ask("ask", question)["turn_id"]]
            redis_server.stop()

            turn.say("still here")
            _, events = page.next("events")
            refused = page.ask("ask", question)

            assert json.loads(events)[0]["text"] == "still here"
            assert refused["error"]["code"] == "unavailable"
            assert not page.ended.is_set()
            turn.finish()
            site.close_all()
            redis_server.start()
