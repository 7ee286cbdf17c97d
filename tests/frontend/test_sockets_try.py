from support.frontend_site import Site
import json

def test_a_question_is_answered(site: Site) -> None:
    browser = site.sign_in()
    page = site.page(browser)
    assert page.ask("watch", {"conversation_id": "c-0001"}) == {"ok": True, "conversation": None}
    ack = page.ask("ask", {"conversation_id": "c-0001", "client_id": "client-1", "text": "Hi"})
    assert ack == {"ok": True, "turn_id": "turn-of-client-1"}
    turn = site.orchestrator.turns["turn-of-client-1"]
    turn.say("Hello")
    turn.finish()
    tid, events = page.next("events")
    assert json.loads(events)[0]["text"] == "Hello"
