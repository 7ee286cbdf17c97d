"""What a page and the server say to each other over the socket: a real server process, real websockets."""

import json
import socket
import uuid
from typing import Any

import pytest
import socketio.exceptions
import websocket
from support.fake_orchestrator import FakeTurn
from support.frontend_site import Browser, Page, Site, add_person, csrf_token

from frontend.app import create_app


def new_id() -> str:
    return uuid.uuid4().hex


def ask(page: Page, site: Site, conversation_id: str = "") -> FakeTurn:
    """Ask something in a new conversation."""
    payload = {"conversation_id": conversation_id or new_id(), "client_id": new_id(), "text": "Hi"}
    answer = page.ask("ask", payload)
    assert answer["ok"], answer
    return site.orchestrator.turns[answer["turn_id"]]


def read(page: Page, turn: FakeTurn, count: int) -> list[dict[str, Any]]:
    """The next so many events of a turn."""
    events: list[dict[str, Any]] = []
    while len(events) < count:
        turn_id, batch = page.next("events")
        assert turn_id == turn.turn_id
        events += json.loads(batch)
    return events


def test_a_question_is_answered_as_it_is_written(site: Site) -> None:
    page = site.page(site.sign_in())
    turn = ask(page, site)

    turn.say("Hello")
    assert read(page, turn, 1) == [{"n": 1, "first": 1, "kind": "text_delta", "text": "Hello"}]
    turn.say(" 🎉")
    turn.finish()
    assert [event["n"] for event in read(page, turn, 2)] == [2, 3]
    turn.wait_for_readers(0)


def test_a_question_repeated_gives_the_same_turn_and_one_relay(site: Site) -> None:
    page = site.page(site.sign_in())
    payload = {"conversation_id": new_id(), "client_id": new_id(), "text": "Hi"}

    answers = [page.ask("ask", payload) for _ in range(2)]

    assert answers[0] == answers[1]
    turn = site.orchestrator.turns[answers[0]["turn_id"]]
    turn.wait_for_readers(1)
    turn.finish()
    assert [event["n"] for event in read(page, turn, 1)] == [1]


def test_two_tabs_see_the_same_turn(site: Site) -> None:
    browser, conversation_id = site.sign_in(), new_id()
    first, second = site.page(browser), site.page(browser)
    assert second.ask("watch", {"conversation_id": conversation_id}) == {
        "ok": True,
        "conversation": None,
    }

    turn = ask(first, site, conversation_id)
    turn.say("Hello")
    news = second.next("turn")
    assert news["turn_id"] == turn.turn_id
    assert news["conversation_id"] == conversation_id
    assert second.ask("follow", {"turn_id": turn.turn_id, "after": 0}) == {"ok": True}
    turn.finish()

    assert [event["n"] for event in read(second, turn, 2)] == [1, 2]
    assert [event["n"] for event in read(first, turn, 2)] == [1, 2]
    assert len(turn.opened_after) == 1
    assert second.ask("watch", {"conversation_id": conversation_id})["conversation"]["turns"] == []


def test_side_lists_hear_of_new_renamed_and_deleted_conversations(site: Site) -> None:
    browser, conversation_id = site.sign_in(), new_id()
    page, elsewhere = site.page(browser), site.page(site.sign_in())

    ask(page, site, conversation_id).finish()
    assert elsewhere.next("conversation")["conversation_id"] == conversation_id

    headers = {"X-CSRFToken": csrf_token(browser.get("/").text)}
    path = f"/api/conversations/{conversation_id}"
    assert browser.patch(path, json={"title": "Plans"}, headers=headers).status_code == 200
    assert elsewhere.next("conversation")["title"] == "Plans"
    assert browser.delete(path, headers=headers).status_code == 204
    assert elsewhere.next("conversation") == {"conversation_id": conversation_id, "deleted": True}


def test_a_page_that_comes_back_gets_what_it_missed(site: Site) -> None:
    browser = site.sign_in()
    page = site.page(browser)
    turn = ask(page, site)
    turn.say("one")
    turn.say("two")
    read(page, turn, 2)
    page.close()
    turn.say("three")

    back = site.page(browser)
    assert back.ask("follow", {"turn_id": turn.turn_id, "after": 2}) == {"ok": True}
    turn.finish()

    assert [event["n"] for event in read(back, turn, 2)] == [3, 4]


def test_a_turn_nobody_watches_is_not_read_on(site: Site) -> None:
    page = site.page(site.sign_in())
    turn = ask(page, site)
    turn.wait_for_readers(1)

    page.close()

    turn.wait_for_readers(0)


def test_a_turn_that_is_over_can_be_followed_again(site: Site) -> None:
    page = site.page(site.sign_in())
    turn = ask(page, site)
    turn.say("one")
    turn.finish()
    read(page, turn, 2)
    turn.wait_for_readers(0)

    assert page.ask("follow", {"turn_id": turn.turn_id, "after": 1}) == {"ok": True}

    assert [event["n"] for event in read(page, turn, 1)] == [2]


def test_a_broken_relay_is_told_and_can_be_taken_up_again(site: Site) -> None:
    page = site.page(site.sign_in())
    turn = ask(page, site)
    turn.say("one")
    read(page, turn, 1)

    turn.cut()

    assert page.next("relay_lost")["turn_id"] == turn.turn_id
    assert page.ask("follow", {"turn_id": turn.turn_id, "after": 1}) == {"ok": True}
    turn.finish()
    assert [event["n"] for event in read(page, turn, 1)] == [2]


def test_a_very_long_batch_arrives_whole(site: Site) -> None:
    page = site.page(site.sign_in())
    turn = ask(page, site)

    turn.say("x" * 6_000_000)
    turn.finish()

    long, last = read(page, turn, 2)
    assert len(long["text"]) == 6_000_000
    assert last["kind"] == "turn_finished"
    assert page.ask("watch", {"conversation_id": new_id()})["ok"]


def test_stop_and_decide_go_to_the_orchestrator(site: Site) -> None:
    page = site.page(site.sign_in())
    turn = ask(page, site)
    decided = {"decision": "approved", "arguments": {"task_id": 7}}
    path = f"/v1/calls/{new_id()}/decision"
    site.orchestrator.answers["PUT", path] = (200, decided)
    call_id = path.split("/")[3]

    assert page.ask("stop", {"turn_id": turn.turn_id}) == {"ok": True}
    payload = {"call_id": call_id, "decision": "approve", "arguments": {"task_id": 7}}
    assert page.ask("decide", payload) == {"ok": True, **decided}

    assert site.orchestrator.last("PUT", path).body == {
        "decision": "approve",
        "arguments": {"task_id": 7},
        "note": "",
    }
    turn.finish()


def test_who_decides_second_hears_who_was_first(site: Site) -> None:
    page = site.page(site.sign_in())
    error = {
        "code": "conflict",
        "message": "Ada was first.",
        "retryable": False,
        "details": {"winner": {"decision": "approved"}},
    }
    call_id = new_id()
    site.orchestrator.answers["PUT", f"/v1/calls/{call_id}/decision"] = (409, {"error": error})

    answer = page.ask("decide", {"call_id": call_id, "decision": "reject", "note": "No."})

    assert answer == {"ok": False, "error": error}


@pytest.mark.parametrize("name", ["watch", "follow", "ask", "stop", "decide"])
@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        1,
        {},
        {"conversation_id": 1, "turn_id": 1, "call_id": 1, "client_id": 1, "text": 1},
        {
            "conversation_id": "../x",
            "turn_id": "../x",
            "call_id": "a b",
            "client_id": "",
            "text": "x",
        },
        {"conversation_id": "a\n", "turn_id": "a\n", "call_id": "é" * 8, "client_id": "x" * 65},
        {"conversation_id": b"bytes", "turn_id": b"bytes", "call_id": b"bytes"},
    ],
    ids=repr,
)
def test_what_cannot_be_meant_is_refused_in_words(site: Site, name: str, payload: Any) -> None:
    page = site.shared_page()

    answer = page.ask(name, payload)

    assert answer["ok"] is False
    assert answer["error"]["code"] == "invalid_input"
    assert answer["error"]["message"]


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("follow", {"turn_id": "turn-1", "after": -1}),
        ("follow", {"turn_id": "turn-1", "after": "0"}),
        ("follow", {"turn_id": "turn-1", "after": True}),
        ("follow", {"turn_id": "turn-1", "after": 10**30}),
        ("watch", {"conversation_id": "c-1", "more": 1}),
        ("decide", {"call_id": "call-1", "decision": "perhaps"}),
        ("decide", {"call_id": "call-1", "decision": "approve", "arguments": []}),
        ("decide", {"call_id": "call-1", "decision": "approve", "arguments": {"a": b"bytes"}}),
    ],
    ids=repr,
)
def test_values_out_of_range_are_refused(site: Site, name: str, payload: Any) -> None:
    assert site.shared_page().ask(name, payload)["error"]["code"] == "invalid_input"


def test_other_peoples_turns_and_conversations_are_like_none(site: Site) -> None:
    email = f"{new_id()}@example.org"
    add_person(site.database, email)
    mine, theirs = site.page(site.sign_in()), site.page(site.sign_in(email=email))
    conversation_id = new_id()
    turn = ask(mine, site, conversation_id)
    turn.say("a secret")
    read(mine, turn, 1)

    watched = theirs.ask("watch", {"conversation_id": conversation_id})
    followed = theirs.ask("follow", {"turn_id": turn.turn_id, "after": 0})
    nobodys = theirs.ask("follow", {"turn_id": new_id(), "after": 0})
    asked = theirs.ask(
        "ask", {"conversation_id": conversation_id, "client_id": new_id(), "text": "Hi"}
    )

    assert watched == {"ok": True, "conversation": None}
    assert followed == nobodys
    assert followed["error"]["code"] == "not_found"
    assert asked["error"]["code"] == "not_found"
    turn.finish()
    read(mine, turn, 1)
    assert theirs.said_so_far("events") == 0
    assert theirs.said_so_far("turn") == 0


def test_while_the_orchestrator_is_away_questions_are_refused_in_words(site: Site) -> None:
    page = site.page(site.sign_in())
    turn = ask(page, site)
    turn.say("one")
    read(page, turn, 1)

    site.orchestrator.stop()
    try:
        assert page.next("relay_lost")["turn_id"] == turn.turn_id
        for name, payload in (
            ("ask", {"conversation_id": new_id(), "client_id": new_id(), "text": "Hi"}),
            ("follow", {"turn_id": turn.turn_id, "after": 1}),
            ("watch", {"conversation_id": new_id()}),
        ):
            answer = page.ask(name, payload)
            assert answer["error"]["code"] == "unavailable"
            assert answer["error"]["retryable"] is True
    finally:
        site.orchestrator.start()

    assert page.ask("follow", {"turn_id": turn.turn_id, "after": 1}) == {"ok": True}
    turn.finish()
    assert [event["n"] for event in read(page, turn, 1)] == [2]


def test_signing_out_ends_the_sockets_of_all_tabs(site: Site) -> None:
    browser, elsewhere = site.sign_in(), site.page(site.sign_in())
    tabs = [site.page(browser), site.page(browser)]

    token = csrf_token(browser.get("/").text)
    assert browser.post("/sign-out", data={"csrf_token": token}).status_code == 302

    for tab in tabs:
        assert tab.next("signed_out") == {}
        assert tab.ended.wait(5)
    assert elsewhere.ask("watch", {"conversation_id": new_id()})["ok"]


def test_a_session_that_ends_on_another_replica_loses_its_sockets_at_once(site: Site) -> None:
    browser = site.sign_in()
    page = site.page(browser)
    replica = create_app(site.settings, async_mode="threading")
    there = Browser(replica.flask.test_client())
    there.client.set_cookie("steward", browser.cookies["steward"])

    assert there.submit("/sign-out", {}, page="/account").location == "/sign-in"

    assert page.next("signed_out") == {}
    assert page.ended.wait(5)
    replica.parts.close()


def test_messages_of_a_session_without_its_row_are_refused(site: Site) -> None:
    """Such as one whose content Redis still has, because whoever ended it died halfway."""
    page = site.page(site.sign_in())
    site.forget_latest_row()

    refused = page.ask("watch", {"conversation_id": new_id()})

    assert refused["error"]["code"] == "not_signed_in"
    assert page.ended.wait(5)


@pytest.mark.parametrize("cookie", ["", "steward=made-up", "steward=" + "x" * 3_000])
def test_nobody_connects_without_a_session(site: Site, cookie: str) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        Page(site.url, cookie)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_nobody_connects_from_another_site(site: Site, origin: str) -> None:
    browser = site.sign_in()
    with pytest.raises(socketio.exceptions.ConnectionError):
        site.page(browser, origin=origin)


def test_this_machine_is_found_by_either_of_its_names(site: Site) -> None:
    page = site.page(site.sign_in(), origin=site.url.replace("127.0.0.1", "localhost"))

    assert page.ask("watch", {"conversation_id": new_id()})["ok"]


def test_a_socket_that_does_not_read_is_cut_off(site: Site) -> None:
    browser = site.sign_in()
    url = f"{site.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
    lazy = websocket.create_connection(
        url,
        cookie=f"steward={browser.cookies['steward']}",
        sockopt=((socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096),),
        timeout=5,
    )
    client_id = new_id()
    asked = {"conversation_id": new_id(), "client_id": client_id, "text": "Hi"}
    lazy.recv()
    lazy.send("40")
    lazy.recv()
    lazy.send(f"421{json.dumps(['ask', asked])}")
    lazy.recv()
    turn = site.orchestrator.turns[f"turn-of-{client_id}"]

    for _ in range(200):
        turn.say("x" * 66_000)

    turn.wait_for_readers(0)
    with pytest.raises((OSError, websocket.WebSocketException)):
        read_to_the_end(lazy)
    lazy.close(timeout=0)


def read_to_the_end(connection: websocket.WebSocket) -> None:
    while connection.recv():
        continue


def test_another_version_of_a_question_is_asked_for_and_other_tabs_read_again(site: Site) -> None:
    browser, conversation_id = site.sign_in(), new_id()
    page, elsewhere = site.page(browser), site.page(browser)
    first = ask(page, site, conversation_id)
    first.finish()
    elsewhere.ask("watch", {"conversation_id": conversation_id})
    payload = {
        "conversation_id": conversation_id,
        "client_id": new_id(),
        "text": "Hi again",
        "replaces": first.turn_id,
    }

    answer = page.ask("ask", payload)

    asked = site.orchestrator.last("POST", f"/v1/conversations/{conversation_id}/turns").body
    assert asked == {name: payload[name] for name in ("client_id", "text", "replaces")}
    changed = {"conversation_id": conversation_id}
    assert elsewhere.next("conversation_changed") == changed
    site.orchestrator.turns[answer["turn_id"]].finish()

    site.orchestrator.versions[first.turn_id] = []
    headers = {"X-CSRFToken": csrf_token(browser.get("/").text)}
    path = f"/api/conversations/{conversation_id}/head"
    shown = browser.put(path, json={"turn_id": first.turn_id}, headers=headers)
    assert shown.status_code == 200
    assert elsewhere.next("conversation_changed") == changed


def test_a_temporary_conversation_is_begun_as_one_and_not_listed(site: Site) -> None:
    page, conversation_id = site.page(site.sign_in()), new_id()
    payload = {"conversation_id": conversation_id, "client_id": new_id(), "text": "Psst"}

    answer = page.ask("ask", {**payload, "temporary": True})

    site.orchestrator.turns[answer["turn_id"]].finish()
    begun = site.orchestrator.last("PUT", f"/v1/conversations/{conversation_id}")
    assert begun.body == {"temporary": True}
    watched = page.ask("watch", {"conversation_id": conversation_id})
    assert watched["conversation"]["temporary"] is True


@pytest.mark.parametrize("change", [{"replaces": "../admin"}, {"temporary": "yes"}])
def test_what_cannot_be_meant_is_not_asked(site: Site, change: dict[str, Any]) -> None:
    payload = {"conversation_id": new_id(), "client_id": new_id(), "text": "Hi", **change}

    answer = site.shared_page().ask("ask", payload)

    assert answer["error"]["code"] == "invalid_input"
