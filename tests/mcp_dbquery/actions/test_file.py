"""What an actions file may declare: everything else is refused when it is read, by file, action and field."""

from pathlib import Path
from typing import Any

import pytest
from support.actions import make_bank, running_actions

from mcp_dbquery.actions.file import Action, load_actions
from mcp_dbquery.engine import Dialect
from mcp_dbquery.sample.make import SAMPLE_ACTIONS as ACTIONS
from shared.errors import BadSetup

LOOKUP = """
[actions.set_task_status.parameters.task_id]
type = "lookup"
description = "The task."
query = "SELECT id, title FROM tasks WHERE title = :value"
"""


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('type = "integer"', 'type = "money"', "money"),
        ("UPDATE tasks SET", "DELETE FROM tasks; UPDATE tasks SET", "exactly one statement"),
        ("WHERE id = :task_id\n", "WHERE id = 42\n", "task_id is not used"),
        ("SELECT id, title, status AS", "SELECT id, :other, status AS", "preview uses :other"),
        ("WHERE id = :task_id\n", "WHERE id = ':task_id'\n", "task_id is not used"),
        ("WHERE id = :task_id\n", "WHERE id = :task_id AND 1 = ?\n", "without a name"),
        ("WHERE id = :task_id\n", "WHERE id = :task_id AND 1 = @x\n", "without a name"),
        ('roles = ["owner", "admin", "support", "member"]', "roles = []", "roles"),
        ("[actions.set_task_status]", "[actions.Set-Status]", "Set-Status"),
        ("[actions.set_task_status]", "[queries.x]\n[actions.set_task_status]", "queries"),
        ("[actions.set_task_status]", "[actions.set_task_status", "not TOML"),
        ("idempotent = true", "idempotant = true", "idempotant"),
        ("idempotent = true", 'dialect = "mysql"', "dialect"),
        ("idempotent = true", "destructive = false", "destructive: the action does more"),
        ("idempotent = true", "expected_rows = { min = 3, max = 2 }", "min is greater than max"),
        ("idempotent = true", "expected_rows = 0", "expected_rows.max"),
        ("idempotent = true", "expected_rows = true", "expected_rows"),
        ("idempotent = true", 'allow_destructive = ["ALL"]', "allow_destructive"),
        ("idempotent = true", "preview_rows = 101", "preview_rows"),
        ("idempotent = true", "preview_rows = 10", "summary uses {id}"),
        ("idempotent = true", 'statements = [{ sql = "SELECT 1" }]', "one of statement and"),
        (
            "SELECT id, title, status AS old_status FROM tasks",
            "DELETE FROM tasks",
            "preview must be",
        ),
        ("There is no task {task_id}.", "There is no {title}.", "missing uses {title}"),
        ("minimum = 1", "minimum = 1\nmaximum = 0", "minimum is greater than maximum"),
        ("minimum = 1", "minimum = 1\ndefault = 5", "default needs optional"),
        ("minimum = 1", "minimum = 1\noptional = true\ndefault = 0", "default is not accepted"),
        ("parameters.task_id]", "parameters.subject]", "parameters.subject"),
        ("parameters.task_id]", "parameters.claim_x]", "parameters.claim_x"),
        ("parameters.task_id]", "parameters.value]", "parameters.value"),
        ("max_length = 2000", 'pattern = "(?=a)"', "look-around"),
    ],
)
def test_a_bad_actions_file_is_refused_by_name(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    text = ACTIONS.read_text()
    assert old in text
    path = tmp_path / "actions.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(BadSetup, match=r"actions\.toml") as refused:
        load_actions(path, "sqlite")
    assert complaint in str(refused.value)


@pytest.mark.parametrize("text", ["actions = 3", "[actions]\nabc = 3", "\xff"])
def test_what_is_no_declaration_at_all_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "actions.toml"
    path.write_text(text, encoding="latin-1")
    for file in (path, tmp_path / "none.toml"):
        with pytest.raises(BadSetup, match=file.name):
            load_actions(file, "sqlite")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("= :value", "= 'x'", "parameters.task_id.query does not bind :value"),
        ("= :value", "= :value AND id = :status", "parameters.task_id.query uses :status"),
        ("SELECT id, title FROM", "DELETE FROM", "parameters.task_id.query"),
        (":value", ":value AND", "parameters.task_id.query is not SQL"),
        ('type = "lookup"', 'type = "lookup"\nnear = "SELECT :x"', "parameters.task_id.near binds"),
        ('type = "lookup"', 'type = "lookup"\nshows = 3', "parameters.task_id"),
        ("{task_id}", "{id}", "summary does not show {task_id}"),
    ],
)
def test_a_bad_look_up_is_refused_by_name(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    text, _, rest = ACTIONS.read_text().partition("[actions.set_task_status.parameters.task_id]")
    _, _, rest = rest.partition("minimum = 1\n")
    text = text.replace("Set task {id}", "Set task {task_id}") + LOOKUP + rest
    path = tmp_path / "actions.toml"
    path.write_text(text)
    load_actions(path, "sqlite")
    if old == "{task_id}":
        path.write_text(text.replace("Set task {task_id}", "Set task {id}"))
    else:
        head, mark, tail = text.partition(LOOKUP[:30])
        path.write_text(head + mark + tail.replace(old, new, 1))
    with pytest.raises(BadSetup, match=r"actions\.toml, action set_task_status") as refused:
        load_actions(path, "sqlite")
    assert complaint in str(refused.value)


def declared(statement: str, dialect: Dialect, *named: str) -> Action:
    """An action of this one statement."""
    fields: dict[str, Any] = {
        "title": "t",
        "description": "d",
        "roles": ["clerk"],
        "parameters": {
            name: {"type": "integer", "description": "d"}
            for name in ("id", "a")
            if f":{name}" in statement
        },
        "statement": statement,
        "preview": "SELECT 1 AS one",
        "item": "i",
        "summary": "s",
        "done": "d",
        "missing": "m",
        "changes": [{"field": "f", "new": "one"}],
        "allow_destructive": list(named),
    }
    return Action.model_validate(fields, context={"dialect": dialect})


EVERYWHERE: tuple[Dialect, ...] = ("sqlite", "postgresql", "mysql")
DESTRUCTIVE: list[tuple[str, tuple[Dialect, ...], tuple[str, ...]]] = [
    ("DELETE FROM t WHERE id = :id", EVERYWHERE, ("DELETE",)),
    ("DELETE FROM t", EVERYWHERE, ("DELETE", "DELETE WITHOUT WHERE")),
    ("DELETE FROM t WHERE 1 = 1", EVERYWHERE, ("DELETE", "DELETE WITHOUT WHERE")),
    ("UPDATE t SET a = :a", EVERYWHERE, ("UPDATE WITHOUT WHERE",)),
    ("UPDATE t SET a = :a WHERE true", EVERYWHERE, ("UPDATE WITHOUT WHERE",)),
    ("INSERT OR REPLACE INTO t VALUES (:a)", ("sqlite",), ("REPLACE",)),
    (
        "WITH gone AS (DELETE FROM t WHERE id = :id RETURNING *) INSERT INTO u SELECT * FROM gone",
        ("postgresql",),
        ("DELETE",),
    ),
    (
        "MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE",
        ("postgresql",),
        ("MERGE",),
    ),
    ("TRUNCATE TABLE t", ("postgresql",), ("TRUNCATE",)),
    ("DROP TABLE t", ("sqlite", "postgresql"), ("DROP",)),
    ("DROP OWNED BY bob", ("postgresql",), ("DROP",)),
    ("ALTER TABLE t ADD COLUMN c INTEGER", ("sqlite", "postgresql"), ("ALTER",)),
    ("CREATE TABLE t (a INTEGER)", ("sqlite", "postgresql"), ("CREATE",)),
    ("GRANT SELECT ON t TO bob", ("postgresql",), ("GRANT",)),
    ("REVOKE SELECT ON t FROM bob", ("postgresql",), ("REVOKE",)),
    ("GRANT admin TO bob", ("postgresql",), ("ROLE",)),
    ("CREATE ROLE bob", ("postgresql",), ("ROLE",)),
    ("CREATE USER bob", ("postgresql",), ("ROLE",)),
    ("ALTER ROLE bob SUPERUSER", ("postgresql",), ("ROLE",)),
    ("DROP ROLE bob", ("postgresql",), ("ROLE",)),
]


@pytest.mark.parametrize(("statement", "dialects", "kinds"), DESTRUCTIVE)
def test_what_destroys_has_to_be_named_kind_by_kind(
    statement: str, dialects: tuple[Dialect, ...], kinds: tuple[str, ...]
) -> None:
    for dialect in dialects:
        for left_out in kinds:
            others = [kind for kind in kinds if kind != left_out]
            with pytest.raises(ValueError, match="allow_destructive") as refused:
                declared(statement, dialect, *others)
            assert f'"{left_out}"' in str(refused.value)
        assert declared(statement, dialect, *kinds).is_destructive is (kinds != ())


NEVER: list[tuple[str, tuple[Dialect, ...]]] = [
    *(
        (sql, EVERYWHERE)
        for sql in ("SELECT 1", "COMMIT", "ROLLBACK", "EXPLAIN DELETE FROM t", "VACUUM", "CALL f()")
    ),
    *(
        (sql, ("postgresql",))
        for sql in (
            "COPY t FROM PROGRAM 'id'",
            "DO $$ BEGIN END $$",
            "SET ROLE bob",
            "SET search_path = x",
            "LISTEN x",
            "EXECUTE p",
            "LOCK TABLE t",
            "SELECT 1 INTO x",
            "DROP DATABASE d",
            "CREATE DATABASE d",
            "ALTER SYSTEM SET x = 1",
            "CREATE EXTENSION x",
            "REASSIGN OWNED BY a TO b",
            "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
        )
    ),
    *(
        (sql, ("sqlite",))
        for sql in ("ATTACH 'x' AS y", "PRAGMA foreign_keys = OFF", "REPLACE INTO t VALUES (1)")
    ),
    *(
        (sql, ("mysql",))
        for sql in (
            "LOAD DATA INFILE 'x' INTO TABLE t",
            "SET PASSWORD = 'x'",
            "REPLACE INTO t VALUES (1)",
            "INSERT INTO t /*!50000 SELECT 1 */ VALUES (1)",
            "RENAME TABLE a TO b",
            # These commit at once, so nothing could be rolled back with them.
            "TRUNCATE TABLE t",
            "DROP TABLE t",
            "ALTER TABLE t ADD c INT",
            "CREATE USER bob",
        )
    ),
]
ALL_KINDS = {kind for _, _, kinds in DESTRUCTIVE for kind in kinds}


@pytest.mark.parametrize(("statement", "dialects"), NEVER)
def test_what_no_action_may_run_is_refused_whatever_is_named(
    statement: str, dialects: tuple[Dialect, ...]
) -> None:
    for dialect in dialects:
        with pytest.raises(ValueError, match="statement"):
            declared(statement, dialect, *ALL_KINDS)


@pytest.mark.parametrize(
    ("statement", "dialects", "adds"),
    [
        ("INSERT INTO t (a) VALUES (:a)", EVERYWHERE, True),
        ("INSERT INTO t (a) SELECT a FROM u WHERE id = :id", EVERYWHERE, True),
        ("INSERT INTO t (a) VALUES (:a) ON CONFLICT DO NOTHING", ("sqlite", "postgresql"), True),
        (
            "INSERT INTO t (a) VALUES (:a) ON CONFLICT (a) DO UPDATE SET a = 1",
            ("sqlite", "postgresql"),
            False,
        ),
        ("INSERT INTO t (a) VALUES (:a) ON DUPLICATE KEY UPDATE a = 1", ("mysql",), False),
        ("UPDATE t SET a = :a WHERE id = :id", EVERYWHERE, False),
        ("UPDATE t SET a = :a::int WHERE t.id = :id", ("postgresql",), False),
    ],
)
def test_hosts_are_told_whether_an_action_only_adds(
    statement: str, dialects: tuple[Dialect, ...], adds: bool
) -> None:
    for dialect in dialects:
        assert declared(statement, dialect).is_destructive is not adds


BANK_ACTION = """
[actions.set_notes]
title = "t"
description = "d"
roles = ["clerk"]
statements = [
  { sql = "UPDATE people SET notes = :notes WHERE id = :person" },
  { sql = "UPDATE accounts SET closed_on = NULL WHERE owner_id = :person" },
]
preview = "SELECT id, notes AS old, 'x' AS later FROM people WHERE id = :person"
item = "{id}"
summary = "{person}"
done = "{id}"
missing = "{person}"
changes = [{ field = "f", old = "old", new = "later" }]
parameters.notes = { type = "text", description = "d" }

[actions.set_notes.parameters.person]
type = "lookup"
description = "d"
shows = "{name}"
query = "SELECT id, name FROM people WHERE name = :value"
"""


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("UPDATE accounts", "UPDATE savings", "statements.2: the database does not accept it"),
        ("SELECT id, name FROM", "SELECT id, names FROM", "parameters.person.query: the database"),
        ('shows = "{name}"', 'shows = "{town}"', "parameters.person.shows shows {town}"),
        ('new = "later"', 'new = "latest"', "changes.new names latest"),
        ('old = "old"', 'old = "older"', "changes.old names older"),
        ('item = "{id}"', 'item = "{name}"', "item shows {name}"),
    ],
)
async def test_what_does_not_fit_the_database_stops_the_start(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    bank = make_bank(tmp_path)
    async with running_actions(bank, BANK_ACTION):
        pass
    assert old in BANK_ACTION
    with pytest.raises(BadSetup, match=r"actions\.toml, action set_notes") as refused:
        async with running_actions(bank, BANK_ACTION.replace(old, new, 1)):
            raise NotImplementedError
    assert complaint in str(refused.value)
