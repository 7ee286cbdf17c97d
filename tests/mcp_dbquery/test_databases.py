"""Several databases in one server: who sees which, and what is told of each."""

import shutil
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from structlog.testing import capture_logs
from support.dbquery import UNHURRIED, Desk, open_desk, person
from support.tool_calls import answer, in_one_task, said

from mcp_dbquery import errors
from mcp_dbquery.config import Config, DatabaseConfig, Limits, load_config
from mcp_dbquery.parts import make_parts
from mcp_dbquery.sample.make import SAMPLE_ACTIONS, SAMPLE_CONFIG
from mcp_dbquery.server import build_server
from mcp_dbquery.settings import Settings, configuration, name_of
from shared import mcp_server
from shared.errors import BadSetup
from shared.mcp_server import Problem


@pytest.fixture
async def two(sample: Path, tmp_path: Path) -> AsyncGenerator[Desk]:
    """The sample and a ledger that only accountants may ask, in front of a member."""
    shutil.copy(sample, tmp_path / "sample.db")
    books = sqlite3.connect(tmp_path / "books.db")
    books.execute("CREATE TABLE entries (id INTEGER PRIMARY KEY, amount INTEGER)")
    books.commit()
    books.close()
    config = Config(
        databases={
            "tracker": DatabaseConfig(
                url=f"sqlite:///{tmp_path / 'sample.db'}",
                description="Tasks.",
                actions_file=SAMPLE_ACTIONS,
            ),
            "books": DatabaseConfig(
                url=f"sqlite:///{tmp_path / 'books.db'}",
                description="Money.",
                limits={"page_rows": 7},
                roles=["accountant"],
            ),
            "archive": DatabaseConfig(url=f"sqlite:///{tmp_path / 'books.db'}"),
        }
    )
    async with in_one_task(open_desk(tmp_path, None, config=config, roles=["member"])) as desk:
        yield desk


async def test_a_caller_sees_the_databases_of_their_roles_with_limits_and_actions(
    two: Desk,
) -> None:
    listed = answer(await two.call("list_databases", {}))["databases"]
    assert [(one["name"], one["dialect"]) for one in listed] == [
        ("archive", "sqlite"),
        ("tracker", "sqlite"),
    ]
    assert sorted(listed[1]["actions"]) == ["add_comment", "set_task_status"]
    assert listed[1]["description"] == "Tasks."
    assert listed[1]["limits"]["page_rows"] == 200
    accountant = person("bob", ["accountant"])
    assert [one.name for one in two.parts.databases.visible_to(accountant)] == [
        "archive",
        "books",
        "tracker",
    ]
    assert two.parts.databases.by_name["books"].limits.page_rows == 7


async def test_with_several_the_database_must_be_named(two: Desk) -> None:
    result = await two.call("query", {"sql": "SELECT 1"})
    assert "say which in the argument database. They are: archive, tracker." in said(result)
    assert answer(await two.call("query", {"sql": "SELECT 1", "database": "tracker"}))["rows"]


async def test_a_database_of_others_reads_like_one_that_is_not_there(two: Desk) -> None:
    told: list[str] = []
    for name in ("books", "boats"):
        for tool, arguments in (
            ("query", {"sql": "SELECT 1"}),
            ("list_tables", {}),
            ("search_schema", {"text": "entries"}),
            ("describe_tables", {"tables": ["entries"]}),
            ("explain", {"sql": "SELECT 1"}),
        ):
            result = await two.call(tool, {**arguments, "database": name})
            assert result.is_error
            told.append(said(result).replace(name, "it"))
    assert len(set(told)) == 1
    assert "books" not in told[0]


async def test_actions_of_a_database_that_one_may_not_ask_are_refused(
    sample: Path, tmp_path: Path
) -> None:
    shutil.copy(sample, tmp_path / "sample.db")
    rule = {"roles": ["auditor"]}
    async with open_desk(tmp_path, SAMPLE_ACTIONS, roles=["member"], database=rule) as desk:
        before = desk.fingerprint()
        for tool in ("set_task_status", "preview_set_task_status"):
            result = await desk.call(tool, {"task_id": 42, "status": "done"})
            assert "There is no database" in said(result)
        assert desk.fingerprint() == before


def two_with(sample: Path, **fields: Any) -> Config:
    section = DatabaseConfig(url=f"sqlite:///{sample}", **fields)
    return Config(databases={"one": section, "other": section})


QUERY = {"title": "T", "description": "D", "sql": "SELECT 1"}


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"actions_file": SAMPLE_ACTIONS}, "Two databases declare an action"),
        ({"queries": {"one": QUERY}}, "The query one is declared for one and for other"),
    ],
)
def test_names_that_two_databases_would_share_are_refused_at_start(
    sample: Path, tmp_path: Path, fields: dict[str, Any], complaint: str
) -> None:
    settings = Settings(store_url=f"sqlite:///{tmp_path / 'store.db'}")
    with pytest.raises(BadSetup, match=complaint):
        build_server(settings, make_parts(settings, two_with(sample, **fields)))


async def test_a_database_that_cannot_start_names_itself_and_leaves_no_other_open(
    sample: Path, tmp_path: Path
) -> None:
    settings = Settings(store_url=f"sqlite:///{tmp_path / 'store.db'}")
    actions = tmp_path / "actions.toml"
    actions.write_text(SAMPLE_ACTIONS.read_text().replace("FROM tasks", "FROM gone"))
    config = Config(
        databases={
            "good": DatabaseConfig(url=f"sqlite:///{sample}"),
            "bad": DatabaseConfig(url=f"sqlite:///{sample}", actions_file=actions),
        }
    )
    parts = make_parts(settings, config)
    with pytest.raises(BadSetup, match="gone"):
        await parts.databases.start()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:////srv/Tracker Data.v2.db", "tracker_data"),
        ("postgresql://u:secret@host/sales", "sales"),
        ("postgresql://u:secret@host", "main"),
        ("mysql://u:secret@host/", "main"),
        ("sqlite:////srv/2024.db", "main"),
        ("host=db password=secret", "main"),
        ("x://[secret", "main"),
    ],
)
def test_a_database_without_a_configured_name_is_called_like_itself(url: str, name: str) -> None:
    assert name_of(url) == name


def test_limits_of_the_environment_win_over_the_files_and_a_databases_own_over_both(
    tmp_path: Path,
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        '[limits]\ntimeout_s = 5\npage_rows = 50\n[databases.a]\nurl = "sqlite:////x.db"\nlimits = {page_rows = 9}\n'
        '[databases.b]\nurl = "sqlite:////x.db"\n'
    )
    config = configuration(Settings(config=file, limits=Limits(timeout_s=3)))
    told = [(config.limits_of(name).timeout_s, config.limits_of(name).page_rows) for name in "ab"]
    assert told == [(3, 9), (3, 50)]


@pytest.fixture
def tracker(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The sample as the launcher runs it."""
    shutil.copy(sample, tmp_path / "sample.db")
    monkeypatch.setenv("MCP_DBQUERY_DATABASE_URL", f"sqlite:///{tmp_path / 'sample.db'}")
    return load_config(SAMPLE_CONFIG)


@pytest.mark.parametrize(("role", "is_masked"), [("member", True), ("support", False)])
async def test_the_samples_configuration_masks_addresses(
    tracker: Config, tmp_path: Path, role: str, *, is_masked: bool
) -> None:
    sql = "SELECT email FROM people ORDER BY id LIMIT 1"
    async with open_desk(tmp_path, None, config=tracker, roles=[role]) as desk:
        (told,) = answer(await desk.call("list_databases", {}))["databases"]
        result = await desk.query(sql)
    assert ("people: masked are email (domain)." in told["restrictions"]) == is_masked
    assert result["rows"][0][0].startswith("•••") == is_masked
    assert ("Masked by policy: email (domain)." in result["warnings"]) == is_masked


async def test_the_samples_configuration_names_queries(tracker: Config, tmp_path: Path) -> None:
    config = tracker
    async with open_desk(tmp_path, None, config=config, roles=["member"]) as desk:
        saved = answer(await desk.call("list_saved_queries", {}))["queries"]
        late = await desk.call(
            "run_saved_query", {"name": "late_tasks", "params": {"day": "2026-11-20"}}
        )
        bugs = await desk.call(
            "run_saved_query", {"name": "bugs_per_month", "params": {"severity": "critical"}}
        )
        opened = await desk.call("run_saved_query", {"name": "open_tasks_by_project"})
    assert [query["name"] for query in saved] == [
        "bugs_per_month",
        "late_tasks",
        "open_tasks_by_project",
    ]
    assert answer(late)["row_count"] > 0
    assert answer(bugs)["columns"][0]["name"] == "month"
    assert answer(opened)["row_count"] == 8


async def test_the_audit_names_the_database_and_the_rule_and_keeps_values_out(desk: Desk) -> None:
    with capture_logs() as logs:
        await desk.call(
            "query",
            {"sql": "SELECT :x", "params": {"x": "hush"}, "purpose": "for a test", "format": "csv"},
        )
        await desk.call("query", {"sql": "DROP TABLE tasks"})
    done, refused = [log for log in logs if log["event"] == "tool_called"]
    assert (done["database"], done["rows"], done["bytes"]) == ("sample", 1, len(":x\r\nhush\r\n"))
    assert (done["sql"], done["purpose"]) == ("SELECT :x", "for a test")
    assert "hush" not in str(done)
    assert (refused["decision"], refused["rule"]) == ("refused", "only_select")


async def test_nobody_is_told_anything_without_a_caller(sample: Path) -> None:
    settings = Settings()
    config = Config(
        limits=Limits(**UNHURRIED), databases={"a": DatabaseConfig(url=f"sqlite:///{sample}")}
    )
    async with Client(build_server(settings, make_parts(settings, config))) as client:
        for tool in ("list_databases", "list_tables", "list_saved_queries"):
            result = await client.call_tool(tool, {})
            assert "Sign in first" in said(result)
        assert (await client.list_resources()).resources == []


def test_the_readme_names_every_code_that_can_be_answered() -> None:
    readme = (Path(__file__).parents[2] / "services/mcp-dbquery/README.md").read_text()
    table = readme.partition("## Errors")[2].partition("## Declared")[0]
    kinds = [
        kind
        for module in (errors, mcp_server)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Problem) and kind is not Problem
    ]
    assert [kind.code for kind in kinds if f"`{kind.code}`" not in table] == []


async def test_values_of_one_database_are_not_told_of_another(tmp_path: Path) -> None:
    for name in ("here", "there"):
        books = sqlite3.connect(tmp_path / f"{name}.db")
        books.execute("CREATE TABLE entries (place TEXT)")
        books.execute("INSERT INTO entries VALUES (?)", (name,))
        books.commit()
        books.close()
    config = Config(
        databases={
            name: DatabaseConfig(url=f"sqlite:///{tmp_path / f'{name}.db'}")
            for name in ("here", "there")
        }
    )
    async with open_desk(tmp_path, None, config=config) as desk:
        for name in config.databases:
            called = await desk.call("describe_tables", {"tables": ["entries"], "database": name})
            [column] = answer(called)["tables"][0]["columns"]
            assert column["values"] == [name]
