"""What the demo model calls and says, from the messages of a request."""

import json
import re
import sqlite3
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from demo_model.chat import complete
from demo_model.demo.small_talk import SUGGESTIONS
from demo_model.request import ChatRequest
from mcp_dbquery.sample.make import make_sample

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PARAMETERS = {"query": ["sql", "params", "max_rows"]}
TOOLS = ["list_tables", "query", "set_task_status", "add_comment"]


def tool(name: str, parameters: Sequence[str]) -> dict[str, Any]:
    properties = dict.fromkeys(parameters, True)
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return {"type": "function", "function": {"name": f"dbquery__{name}", "parameters": schema}}


class Talk:
    """A conversation with the demo model, in which calls bring what the test says."""

    def __init__(
        self, tools: Sequence[str] = TOOLS, *, query_parameters: Sequence[str] = PARAMETERS["query"]
    ) -> None:
        self._tools = [tool(name, query_parameters if name == "query" else []) for name in tools]
        self._messages: list[dict[str, Any]] = []

    def ask(self, question: str) -> list[tuple[str, dict[str, Any]]]:
        """The calls it makes for a question."""
        self._messages.append({"role": "user", "content": question})
        return self._reply()

    def tell(self, *told: object) -> list[tuple[str, dict[str, Any]]]:
        """Answer its calls; gives the calls it makes then."""
        calls = self._messages[-1]["tool_calls"]
        self._messages += [
            {
                "role": "tool",
                "tool_call_id": call["id"],
                "content": one if isinstance(one, str) else json.dumps(one),
            }
            for call, one in zip(calls, told, strict=True)
        ]
        return self._reply()

    @property
    def said(self) -> str:
        return str(self._messages[-1]["content"] or "")

    def _reply(self) -> list[tuple[str, dict[str, Any]]]:
        request = {"model": "steward-demo", "messages": self._messages, "tools": self._tools}
        message = complete(ChatRequest.model_validate(request), NOW).body()["choices"][0]["message"]
        self._messages.append(message)
        functions = [call["function"] for call in message.get("tool_calls", [])]
        return [(f["name"], json.loads(f["arguments"])) for f in functions]


def answer(question: str, *told: object) -> str:
    talk = Talk()
    talk.ask(question)
    talk.tell(*told)
    return talk.said


def rows(columns: Sequence[str], *values: Sequence[Any], truncated: bool = False) -> dict[str, Any]:
    result = {
        "columns": [{"name": name, "type": "text"} for name in columns],
        "rows": [list(row) for row in values],
        "row_count": len(values),
        "truncated": truncated,
    }
    return {"status": "succeeded", "result": result}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Generator[sqlite3.Connection]:
    path: Path = tmp_path_factory.mktemp("sample") / "sample.db"
    make_sample(path)
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


THINGS = ["tasks", "bugs", "user stories", "commits", "comments", "projects", "people", "clients"]
GROUPS = ["project", "status", "priority", "severity", "assignee", "client", "month", "role"]
CONDITIONS = [
    "open {}",
    "{} in Harbor",
    "{} in project Harbor",
    "{} of client Halden",
    "{} by Anna",
    "{} this week",
    "new {} last month",
    "overdue {}",
    "latest 3 {}",
    "{} reported by Anna",
    "urgent {}",
    "critical {}",
    "done {} today",
    "{} on hold",
]
QUESTIONS = [
    *(f"How many {thing} per {group}?" for thing in THINGS for group in GROUPS),
    *(f"List {condition.format(thing)}" for thing in THINGS for condition in CONDITIONS),
    *(f"Show a chart of {thing}" for thing in THINGS),
    *SUGGESTIONS,
    "what is task 42",
    "show bug 7",
    "comments on task 42",
    "comments on bug 7",
    "commits for task 42",
    "who is Anna",
    "how many rows in tasks",
]


@pytest.mark.parametrize("query_parameters", [["sql", "params", "max_rows"], ["sql"]])
def test_every_query_it_writes_runs_on_the_sample(
    sample: sqlite3.Connection, query_parameters: list[str]
) -> None:
    queried = 0
    for question in QUESTIONS:
        talk = Talk(query_parameters=query_parameters)
        for name, arguments in talk.ask(question):
            if name == "dbquery__query":
                assert set(arguments) <= set(query_parameters)
                sample.execute(arguments["sql"], arguments.get("params", {})).fetchall()
                queried += 1
        assert talk.said or queried
    assert queried > len(QUESTIONS) / 2


@pytest.mark.parametrize(
    "name",
    ["Harbor'); DROP TABLE tasks; --", 'x" OR "1"="1', "100%", "a_b", "O'Brien", ":id", "\\"],
)
@pytest.mark.parametrize("query_parameters", [["sql", "params"], ["sql"]])
def test_a_persons_words_stay_a_value_in_sql(
    sample: sqlite3.Connection, name: str, query_parameters: list[str]
) -> None:
    ((_, arguments),) = Talk(query_parameters=query_parameters).ask(f"tasks assigned to “{name}”")
    found = sample.execute(arguments["sql"], arguments.get("params", {})).fetchall()
    assert found == []
    if "params" in query_parameters:
        assert name.lower() not in arguments["sql"].replace(" ESCAPE '\\'", "")


def test_a_tool_that_cannot_limit_rows_gets_the_limit_in_sql() -> None:
    ((_, arguments),) = Talk(query_parameters=["sql"]).ask("last 5 commits")
    assert arguments["sql"].endswith(" LIMIT 5")


def test_several_changes_are_parallel_calls() -> None:
    calls = Talk().ask("set task 42 and 43 to done")
    assert calls == [
        ("dbquery__set_task_status", {"task_id": 42, "status": "done"}),
        ("dbquery__set_task_status", {"task_id": 43, "status": "done"}),
    ]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            {"status": "succeeded", "result": {"summary": "Task 42 is now done."}},
            "Task 42 is now done.",
        ),
        (
            {"status": "succeeded", "result": {"summary": "Done.", "repeated": True}},
            "nothing was done twice",
        ),
        ({"status": "rejected", "message": "no"}, "I left task 42 as it is"),
        ({"status": "rejected", "note_from_person": "Not yet"}, "Not yet"),
        ({"status": "expired"}, "nothing was done"),
        ({"status": "cancelled"}, "stopped before it was done"),
        ({"status": "outcome_unknown"}, "check before repeating"),
        ({"status": "failed", "message": "It is busy.", "hint": "Wait."}, "It is busy. Wait."),
        ({"status": "refused", "message": "Your role."}, "not allowed here: Your role."),
        ({"status": "pending"}, "has not ended yet"),
        ({"status": "invented"}, "can't tell what became of task 42"),
        ('{"status":"succeeded","result":{"x":"…… [shortened from 9,999 characters]', "too long"),
        ("garbage", "garbage"),
        ("", "no reason was given"),
    ],
)
def test_it_never_claims_more_than_the_tool_said(told: object, words: str) -> None:
    said = answer("Set task 42 to done", told)
    assert words in said
    if "succeeded" not in str(told):
        assert "now done" not in said


def test_it_reports_what_was_really_done_when_the_person_changed_it() -> None:
    told = {
        "status": "succeeded",
        "result": {"summary": "Task 43 is now review."},
        "changed_by_person_before_approving": {"task_id": 43, "status": "review"},
    }
    said = answer("Set task 42 to done", told)
    assert "Task 43 is now review." in said
    assert "what you changed" in said
    assert "42" not in said


def test_each_of_several_changes_gets_its_own_outcome() -> None:
    done = {"status": "succeeded", "result": {"summary": "Task 42 is now done."}}
    said = answer("set task 42 and 43 to done", done, {"status": "rejected"})
    assert said == "Task 42 is now done.\n\nAll right, I left task 43 as it is."


def test_results_go_with_their_questions_even_when_one_of_them_needed_no_call() -> None:
    talk = Talk()
    calls = talk.ask("urgent bugs and tasks")
    assert len(calls) == 1
    assert "bugs a severity" in talk.said
    talk.tell(rows(["id", "title"], [1, "Mend the door"]))
    assert talk.said.startswith("Urgent task:")


def test_a_count_becomes_a_sentence() -> None:
    said = answer("how many urgent tasks are there in Harbor?", rows(["tasks"], [1_234]))
    assert said == "There are **1,234** urgent tasks for Harbor."


def test_groups_become_a_total_and_a_table() -> None:
    said = answer(SUGGESTIONS[0], rows(["project", "open_tasks"], ["Harbor", 36], ["Lab", 6]))
    assert said == (
        "Open tasks by project, **42** in all:\n\n"
        "| Project | Open tasks |\n| --- | --- |\n| Harbor | 36 |\n| Lab | 6 |"
    )


def test_the_most_names_all_that_have_it() -> None:
    told = rows(["assignee", "tasks"], ["Anna", 7], ["Ben", 7], ["Cleo", 2])
    assert answer("who has the most tasks?", told).startswith(
        "**Anna**, **Ben** have the most tasks: **7**."
    )


def test_a_chart_is_a_fenced_block_of_json() -> None:
    said = answer(
        "Show a chart of open bugs by severity", rows(["severity", "bugs"], ["major", 3], [None, 1])
    )
    block = re.search(r"```chart\n(.*)\n```", said)
    assert block is not None
    assert json.loads(block[1]) == {
        "type": "bar",
        "title": "Open bugs by severity",
        "labels": ["major", "–"],
        "values": [3, 1],
        "unit": "bugs",
    }


def test_a_chart_over_time_is_a_line_of_the_latest_months_and_says_so() -> None:
    months = [(f"{2020 + n // 12}-{n % 12 + 1:02}", n) for n in range(30)]
    said = answer("chart of bugs per month", rows(["month", "bugs"], *months))
    assert '"type": "line"' in said
    assert '"2022-06"' in said
    assert '"2020-01"' not in said
    assert "The chart shows 24 of 30." in said


def test_a_list_that_was_cut_says_so() -> None:
    assert "there are more" in answer("list tasks", rows(["id"], [1], [2], truncated=True))
    assert "there are more" not in answer("last 2 commits", rows(["id"], [1], [2], truncated=True))


def test_nothing_found_says_what_was_looked_for() -> None:
    said = answer("open tasks in Harbur", rows(["id"]))
    assert said.startswith("There are no open tasks for Harbur.")
    assert "List projects" in said


def test_values_from_the_database_cannot_break_out_of_the_table() -> None:
    said = answer(
        "Which projects are there?", rows(["name"], ["a | b\n| c | ![x](http://evil) <img> **b**"])
    )
    assert "![x](" not in said
    assert "<img>" not in said.replace("\\<", "")
    assert "**b**" not in said
    assert said.count("\n") == 4


def test_one_task_is_shown_in_full() -> None:
    told = rows(
        ["id", "title", "status", "completed", "description"], [42, "Paint", "done", None, "Blue."]
    )
    said = answer("what is task 42?", told)
    assert (
        said == "**Task 42: Paint**\n\nBlue.\n\n| What | Value |\n| --- | --- |\n| Status | done |"
    )


def test_an_absent_task_is_said_to_be_absent() -> None:
    assert answer("what is task 7000?", rows(["id"])) == "There is no task 7000."


def test_in_another_database_it_looks_which_tables_there_are() -> None:
    talk = Talk()
    talk.ask("How many tasks?")
    calls = talk.tell({"status": "failed", "message": "There is no table “tasks”. describe_tables"})
    assert calls == [("dbquery__list_tables", {})]


def test_in_another_database_it_says_what_it_can_do_there() -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "How many tasks?"}]
    results = [
        ("query", {"status": "failed", "message": "There is no table “tasks”."}),
        ("list_tables", {"status": "succeeded", "result": {"tables": [{"name": "invoices"}]}}),
    ]
    for number, (name, told) in enumerate(results):
        function = {"name": f"dbquery__{name}", "arguments": "{}"}
        messages += [
            {"role": "assistant", "tool_calls": [{"id": f"c{number}", "function": function}]},
            {"role": "tool", "tool_call_id": f"c{number}", "content": json.dumps(told)},
        ]
    request = {"model": "steward-demo", "messages": messages}
    said = complete(ChatRequest.model_validate(request), NOW).text
    assert "not the sample tracker" in said
    assert "| invoices |" in said


def test_without_a_database_tool_it_says_so() -> None:
    talk = Talk([])
    assert talk.ask("How many tasks?") == []
    assert "no database tool" in talk.said


def test_without_a_tool_to_change_it_says_so() -> None:
    talk = Talk(["query"])
    assert talk.ask("set task 42 to done") == []
    assert "no tool for it" in talk.said


def test_help_names_only_what_the_tools_on_offer_can_do() -> None:
    everything, reading = Talk(), Talk(["query"])
    everything.ask("What can you do?")
    reading.ask("What can you do?")
    assert "add a comment" in everything.said
    assert "add a comment" not in reading.said
    assert "count and list" in reading.said
    for said in (everything.said, reading.said):
        assert "not a language model" in said
        assert all(name in said for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "STEWARD_MODEL"))


def test_what_it_offers_when_it_does_not_understand_works() -> None:
    talk = Talk()
    talk.ask("What is the meaning of life?")
    offered = re.findall(r"^- (.+)$", talk.said, re.MULTILINE)
    assert len(offered) == 3
    assert all(Talk().ask(text) for text in offered)


def test_the_same_question_after_its_answer_is_asked_anew() -> None:
    talk = Talk()
    talk.ask("how many tasks?")
    talk.tell(rows(["tasks"], [3]))
    assert len(talk.ask("and bugs?")) == 1


def test_content_in_parts_is_read_as_text() -> None:
    parts = [
        {"type": "text", "text": "How many "},
        {"type": "image_url"},
        {"type": "text", "text": "tasks?"},
    ]
    request = {
        "model": "steward-demo",
        "messages": [{"role": "user", "content": parts}],
        "tools": [tool("query", [])],
    }  # fmt: skip
    assert len(complete(ChatRequest.model_validate(request), NOW).calls) == 1


SEARCH: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "web__search",
        "parameters": {
            "properties": {
                "words": {"type": "string"},
                "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                "sites": {"type": "array"},
                "exact": {"type": "boolean"},
            },
            "required": ["words"],
        },
    },
}


def use(text: str) -> tuple[list[dict[str, Any]], str]:
    """Arguments of the calls, and what is said."""
    request = {
        "model": "steward-demo",
        "messages": [{"role": "user", "content": text}],
        "tools": [SEARCH],
    }  # fmt: skip
    completion = complete(ChatRequest.model_validate(request), NOW)
    assert all(call["function"]["name"] == "web__search" for call in completion.calls)
    return [json.loads(call["function"]["arguments"]) for call in completion.calls], completion.text


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("use search with harbour cranes", {"words": "harbour cranes"}),
        ("Use the web__search tool with words: cranes, ropes", {"words": "cranes, ropes"}),
        ('call search with words: "a, b", limit=3', {"words": "a, b", "limit": 3}),
        ("run search with words: x, exact: yes", {"words": "x", "exact": True}),
        ("use search with words: x, sites: a and b", {"words": "x", "sites": ["a", "b"]}),
        ('use search with {"words": "x", "sites": ["y"]}', {"words": "x", "sites": ["y"]}),
    ],
)
def test_any_tool_can_be_used_by_its_name(text: str, arguments: dict[str, Any]) -> None:
    assert use(text) == ([arguments], "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("use search", "`search` needs `words` and can take `limit`, `sites`, `exact`"),
        ("use search with words: x, limit: many", "can't read `limit`"),
        ('use search with {"colour": "red"}', "needs `words`"),
        ('use search with {"words"', "needs `words`"),
        ("use telescope", "no tool “telescope”. I have `search`."),
    ],
)
def test_a_tool_whose_arguments_cannot_be_filled_is_not_called(text: str, words: str) -> None:
    calls, said = use(text)
    assert calls == []
    assert words in said


def test_what_another_tool_brings_is_shown_as_data() -> None:
    talk = Talk(["ping"])
    assert talk.ask("use ping") == [("dbquery__ping", {})]
    talk.tell({"status": "succeeded", "result": {"text": "```\n# not a heading"}})
    assert talk.said.count("```") == 2
    assert "# not a heading" in talk.said.split("```")[1]


def test_help_names_another_tool_that_is_on_offer() -> None:
    talk = Talk(["query", "ping"])
    talk.ask("What can you do?")
    assert "Use ping" in talk.said


def test_the_second_one_is_what_stands_second_in_the_answer() -> None:
    talk = Talk()
    talk.ask("list urgent tasks")
    talk.tell(rows(["id", "title"], [7, "A | Id | B"], [12, "C"]))
    ((_, arguments),) = talk.ask("and the second one?")
    assert arguments["params"] == {"id": 12}
    talk.tell(rows(["id", "title"], [12, "C"]))
    assert talk.ask("set the first one to done") == [
        ("dbquery__set_task_status", {"task_id": 7, "status": "done"})
    ]
