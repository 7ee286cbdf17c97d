"""Declared actions: who may do them, what they do, and never twice under one key."""

import asyncio
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from support.dbquery import Desk, open_desk
from support.tool_calls import said

from mcp_dbquery.actions.check import check_actions
from mcp_dbquery.actions.file import load_actions
from mcp_dbquery.config import DatabaseConfig, Limits
from mcp_dbquery.sample.make import SAMPLE_ACTIONS as ACTIONS
from mcp_dbquery.sample.make import make_sample
from mcp_dbquery.sqlite import file as sqlite_file
from mcp_dbquery.sqlite.engine import SqliteEngine
from shared.errors import BadSetup

DONE = {"task_id": 42, "status": "done"}


def stored(desk: Desk, sql: str) -> Any:
    connection = sqlite3.connect(desk.database)
    try:
        return connection.execute(sql).fetchone()
    finally:
        connection.close()


async def test_the_preview_shows_old_and_new_and_changes_nothing(desk: Desk) -> None:
    before = desk.fingerprint()
    result = await desk.call("preview_set_task_status", DONE)
    assert result.structured_content == {
        "summary": "Set task 42 “Write the release notes” to done",
        "changes": [
            {
                "item": "Task 42: Write the release notes",
                "field": "status",
                "old": "in_progress",
                "new": "done",
            }
        ],
    }
    assert desk.fingerprint() == before


async def test_an_action_does_what_it_declares(desk: Desk) -> None:
    result = await desk.call("set_task_status", DONE)
    assert result.structured_content is not None
    assert result.structured_content["summary"] == "Task 42 “Write the release notes” is now done."
    status, completed_on = stored(desk, "SELECT status, completed_on FROM tasks WHERE id = 42")
    assert status == "done"
    assert completed_on is not None


async def test_a_repeat_with_the_same_key_does_nothing_and_gives_the_first_result(
    desk: Desk,
) -> None:
    comment = {"task_id": 42, "body": "Ready for review."}
    first = await desk.call("add_comment", comment, key="key-1")
    again = await desk.call("add_comment", comment, key="key-1")
    assert first.structured_content is not None
    assert again.structured_content == {**first.structured_content, "repeated": True}
    assert stored(desk, "SELECT count(*) FROM comments WHERE body = 'Ready for review.'") == (1,)


async def test_many_sends_at_once_with_one_key_are_done_once(desk: Desk) -> None:
    comment = {"task_id": 42, "body": "At once."}
    await asyncio.gather(*(desk.call("add_comment", comment, key="key-2") for _ in range(8)))
    assert stored(desk, "SELECT count(*) FROM comments WHERE body = 'At once.'") == (1,)


async def test_a_key_that_was_claimed_and_never_ended_is_not_tried_again(desk: Desk) -> None:
    await desk.call("add_comment", {"task_id": 42, "body": "x"}, key="key-3")
    connection = sqlite3.connect(desk.database.parent / "ledger.db")
    connection.execute(
        "UPDATE action_keys SET result = NULL, claimed_at = '2026-01-01T00:00:00+00:00'"
    )
    connection.commit()
    connection.close()
    result = await desk.call("add_comment", {"task_id": 42, "body": "x"}, key="key-3")
    assert result.is_error
    assert "may have been done" in said(result)


async def test_a_key_cannot_be_used_for_something_else(desk: Desk) -> None:
    await desk.call("add_comment", {"task_id": 42, "body": "x"}, key="key-4")
    result = await desk.call("add_comment", {"task_id": 43, "body": "x"}, key="key-4")
    assert "used for something else" in said(result)


async def test_a_failed_action_frees_its_key(desk: Desk) -> None:
    missing = await desk.call("set_task_status", {"task_id": 99_999, "status": "done"}, key="k")
    assert "There is no task 99999." in said(missing)
    assert not (await desk.call("set_task_status", DONE, key="k")).is_error


@pytest.mark.parametrize(
    "arguments",
    [
        {"task_id": 42},
        {"task_id": 42, "status": "cancelled"},
        {"task_id": 0, "status": "done"},
        {"task_id": "42; DROP TABLE tasks", "status": "done"},
        {"task_id": True, "status": "done"},
        {"task_id": 42, "status": "done", "and_all_others": True},
    ],
)
async def test_arguments_outside_the_declaration_are_refused(
    desk: Desk, arguments: dict[str, Any]
) -> None:
    before = desk.fingerprint()
    assert (await desk.call("set_task_status", arguments)).is_error
    assert desk.fingerprint() == before


@pytest.mark.parametrize("body", ["", "x" * 2_001, "a\x00b", "\ud800"])
async def test_text_that_is_empty_too_long_or_not_text_is_refused(desk: Desk, body: str) -> None:
    result = await desk.call("add_comment", {"task_id": 42, "body": body})
    assert said(result).startswith("body: ")


async def test_a_repeat_after_the_caller_went_away_hears_the_first_result(desk: Desk) -> None:
    comment = {"task_id": 42, "body": "Cut off."}
    blocker = sqlite3.connect(desk.database, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")  # holds the first send inside the action
    first = asyncio.create_task(desk.call("add_comment", comment, key="key-5"))
    while not await asyncio.to_thread(claims, desk):  # noqa: ASYNC110 - the ledger file has no event to wait for
        await asyncio.sleep(0)
    first.cancel()
    again = asyncio.create_task(desk.call("add_comment", comment, key="key-5"))
    await desk.call("preview_add_comment", comment)  # the repeat is waiting by now
    blocker.execute("ROLLBACK")
    blocker.close()
    result = await again
    assert result.structured_content is not None
    assert result.structured_content["repeated"] is True
    assert stored(desk, "SELECT count(*) FROM comments WHERE body = 'Cut off.'") == (1,)


def claims(desk: Desk) -> int:
    connection = sqlite3.connect(desk.database.parent / "ledger.db")
    try:
        return int(connection.execute("SELECT count(*) FROM action_keys").fetchone()[0])
    finally:
        connection.close()


async def test_an_action_on_a_busy_database_says_that_nothing_was_changed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_S", 0.05)
    blocker = sqlite3.connect(desk.database, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    result = await desk.call("set_task_status", DONE, key="key-6")
    blocker.close()
    assert said(result) == "Nothing was changed: the database is busy; try again in a moment."
    assert not (await desk.call("set_task_status", DONE, key="key-6")).is_error


async def test_text_is_bound_never_run(desk: Desk) -> None:
    body = "'); DROP TABLE tasks; --"
    await desk.call("add_comment", {"task_id": 42, "body": body})
    assert stored(desk, "SELECT body FROM comments ORDER BY id DESC LIMIT 1") == (body,)


@pytest.mark.parametrize("roles", [[], ["visitor"]])
async def test_only_declared_roles_may_act(sample: Path, tmp_path: Path, roles: list[str]) -> None:
    shutil.copy(sample, tmp_path / "sample.db")
    async with open_desk(tmp_path, ACTIONS, roles=roles) as desk:
        for tool in ("set_task_status", "preview_set_task_status"):
            assert "Your role does not allow it" in said(await desk.call(tool, DONE))


async def test_touching_more_rows_than_declared_is_rolled_back(
    sample: Path, tmp_path: Path
) -> None:
    shutil.copy(sample, tmp_path / "sample.db")
    greedy = ACTIONS.read_text().replace(
        "FROM tasks WHERE id = :task_id\n", "FROM tasks WHERE id >= :task_id\n"
    )
    greedy = greedy.replace("END WHERE id = :task_id", "END WHERE id >= :task_id")
    (tmp_path / "greedy.toml").write_text(greedy)
    async with open_desk(tmp_path, tmp_path / "greedy.toml", roles=["owner"]) as desk:
        before = stored(desk, "SELECT group_concat(status) FROM tasks")
        assert "Nothing was changed" in said(await desk.call("set_task_status", DONE))
        assert stored(desk, "SELECT group_concat(status) FROM tasks") == before


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("UPDATE tasks SET status", "UPDATE tasks SET state", "no such column: state"),
        ("UPDATE tasks SET", "UPDATE chores SET", "no such table: chores"),
        ("SELECT id, title, status AS", "SELECT id, titel, status AS", "titel"),
        ("“{title}” to {status}", "“{titel}” to {status}", "summary shows {titel}"),
        ('old = "old_status"', 'old = "former"', "changes.old names former"),
    ],
)
async def test_actions_that_do_not_fit_the_database_stop_the_start(
    tmp_path: Path, sample: Path, old: str, new: str, complaint: str
) -> None:
    text = ACTIONS.read_text()
    assert old in text
    path = tmp_path / "actions.toml"
    path.write_text(text.replace(old, new, 1))
    engine = SqliteEngine("sample", DatabaseConfig(url=f"sqlite:///{sample}"), Limits())
    actions = load_actions(path, "sqlite")
    with pytest.raises(BadSetup, match="action set_task_status") as refused:
        await check_actions(engine, path, actions)
    assert complaint in str(refused.value)


def test_the_sample_is_the_same_every_time(tmp_path: Path, sample: Path) -> None:
    make_sample(tmp_path / "again.db")
    dumps: list[list[str]] = []
    for path in (sample, tmp_path / "again.db"):
        connection = sqlite3.connect(path)
        dumps.append(list(connection.iterdump()))
        connection.close()
    assert dumps[0] == dumps[1]
    assert not list(tmp_path.glob("*.unfinished"))


async def status(desk: Desk, key: str) -> Any:
    result = await desk.call("action_status", {"idempotency_key": key})
    assert result.structured_content is not None, said(result)
    return result.structured_content["answer"]


async def test_whoever_lost_an_answer_can_ask_whether_it_was_done(desk: Desk) -> None:
    comment = {"task_id": 42, "body": "Asked about."}
    await desk.call("add_comment", comment, key="key-6")
    assert await status(desk, "key-6") == "done"

    connection = sqlite3.connect(desk.database.parent / "ledger.db")
    connection.execute(
        "UPDATE action_keys SET result = NULL, claimed_at = '2026-01-01T00:00:00+00:00'"
    )
    connection.commit()
    connection.close()
    assert await status(desk, "key-6") == "unknown"


async def test_what_was_said_not_to_be_done_is_not_done_when_the_request_comes_late(
    desk: Desk,
) -> None:
    comment = {"task_id": 42, "body": "Late."}
    assert await status(desk, "key-7") == "not_done"
    assert (await desk.call("add_comment", comment, key="key-7")).is_error
    assert await status(desk, "key-7") == "not_done"
    assert stored(desk, "SELECT count(*) FROM comments WHERE body = 'Late.'") == (0,)
