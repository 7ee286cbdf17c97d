"""What the demo model understands, as a table."""

import pytest

from demo_model.demo.understanding import (
    AddComment,
    Ask,
    CountRows,
    Intent,
    ListTables,
    NotUnderstood,
    SetStatus,
    ShowComments,
    ShowTask,
    Talk,
    understand,
)

OPEN = frozenset({"open"})


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("How many open tasks does each project have?", Ask("tasks", True, "project", OPEN)),
        ("how many bugs per severity", Ask("bugs", True, "severity")),
        ("Count tasks by status", Ask("tasks", True, "status")),
        ("Show a chart of open bugs by severity", Ask("bugs", True, "severity", OPEN, chart=True)),
        ("How many projects are there?", Ask("projects", True)),
        ("who has the most open tasks?", Ask("tasks", True, "assignee", OPEN)),
        ("How many commits per month?", Ask("commits", True, "month")),
        (
            "List urgent tasks in Harbor",
            Ask("tasks", False, None, frozenset({"priority:urgent"}), project="Harbor"),
        ),
        ("overdue tasks", Ask("tasks", False, None, frozenset({"overdue"}))),
        ("tasks assigned to Anna", Ask("tasks", False, person="Anna")),
        ("What is task 42?", ShowTask(42)),
        ("comments on task 42", ShowComments(42)),
        ("Set task 42 to done", SetStatus((42,), "done")),
        ("set task 42 and 43 to done", SetStatus((42, 43), "done")),
        ("mark task 7 as in progress", SetStatus((7,), "in_progress")),
        ("Task 42 is done", SetStatus((42,), "done")),
        ("reopen task 42", SetStatus((42,), "todo")),
        ("Add a comment to task 42: Looks good", AddComment(42, "Looks good")),
        ("list the tables", ListTables()),
        ("how many rows in invoices", CountRows("invoices")),
        ("What can you do?", Talk("help")),
        ("hello", Talk("hello")),
        ("Thanks!", Talk("thanks")),
        ("delete all tasks", Talk("delete")),
        ("Wie viele Rechnungen gibt es?", Talk("foreign")),
        ("What's the weather?", NotUnderstood()),
        ("", NotUnderstood()),
    ],
)
def test_a_sentence_means(text: str, intent: Intent) -> None:
    assert understand(text) == intent


@pytest.mark.parametrize(
    ("earlier", "text", "intent"),
    [
        ("How many open tasks?", "and bugs?", Ask("bugs", True, None, OPEN)),
        ("How many open tasks?", "and for Harbor?", Ask("tasks", True, None, OPEN, "Harbor")),
        ("Count bugs by status", "as a chart", Ask("bugs", True, "status", chart=True)),
    ],
)
def test_a_follow_up_changes_the_question_before_it(
    earlier: str, text: str, intent: Intent
) -> None:
    assert understand(text, earlier) == intent
