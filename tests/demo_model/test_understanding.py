"""What the demo model understands, as tables."""

import pytest

from demo_model.demo.intents import (
    AddComment,
    Ask,
    CannotDo,
    CountRows,
    Entity,
    Group,
    Intent,
    Item,
    ListTables,
    Moment,
    Name,
    NameOf,
    NotUnderstood,
    SetStatus,
    ShowItem,
    State,
    Talk,
    Topic,
    UseTool,
    Window,
)
from demo_model.demo.understanding import understand, understand_last

TASKS, BUGS, COMMITS, COMMENTS = Entity.TASKS, Entity.BUGS, Entity.COMMITS, Entity.COMMENTS
PROJECTS, PEOPLE, STORIES = Entity.PROJECTS, Entity.PEOPLE, Entity.USER_STORIES
OPEN = State.OPEN


def named(text: str, of: NameOf = NameOf.ANY) -> tuple[Name, ...]:
    return (Name(text, of),)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        (
            "How many open tasks does each project have?",
            Ask(TASKS, True, Group.PROJECT, state=OPEN),
        ),
        (
            "how many open tasks are there in each project",
            Ask(TASKS, True, Group.PROJECT, state=OPEN),
        ),
        ("how many bugs per severity", Ask(BUGS, True, Group.SEVERITY)),
        ("bugs by severity", Ask(BUGS, True, Group.SEVERITY)),
        ("Count tasks by status", Ask(TASKS, True, Group.STATUS)),
        ("tasks by assignee", Ask(TASKS, True, Group.ASSIGNEE)),
        ("number of tasks by priority", Ask(TASKS, True, Group.PRIORITY)),
        ("projects per client", Ask(PROJECTS, True, Group.CLIENT)),
        ("How many commits per month?", Ask(COMMITS, True, Group.MONTH)),
        ("How many projects are there?", Ask(PROJECTS, True)),
        ("how many testers are there", Ask(PEOPLE, True, role="tester")),
        (
            "who has the most open tasks?",
            Ask(TASKS, True, Group.ASSIGNEE, most=True, state=OPEN),
        ),
        (
            "which project has the most open bugs",
            Ask(BUGS, True, Group.PROJECT, most=True, state=OPEN),
        ),
        ("who works on Harbor?", Ask(TASKS, True, Group.ASSIGNEE, names=named("Harbor"))),
    ],
)
def test_a_count_means(text: str, intent: Intent) -> None:
    assert understand(text) == (intent,)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("List urgent tasks in Harbor", Ask(TASKS, levels=("urgent",), names=named("Harbor"))),
        ("list urgent tasks in harbor", Ask(TASKS, levels=("urgent",), names=named("harbor"))),
        (
            "list urgent tasks in project Fleet Radar",
            Ask(TASKS, levels=("urgent",), names=named("Fleet Radar", NameOf.PROJECT)),
        ),
        (
            "urgent tasks in the fleet radar project",
            Ask(TASKS, levels=("urgent",), names=named("fleet radar", NameOf.PROJECT)),
        ),
        ('tasks in "High Street"', Ask(TASKS, names=named("High Street"))),
        ("open critical bugs", Ask(BUGS, state=OPEN, levels=("critical",))),
        ("tasks with high priority", Ask(TASKS, levels=("high",))),
        ("tasks that are not done", Ask(TASKS, state=OPEN)),
        ("which tasks are in review?", Ask(TASKS, state=State.REVIEW)),
        ("tasks in progress in Harbor", Ask(TASKS, state=State.IN_PROGRESS, names=named("Harbor"))),
        ("overdue tasks", Ask(TASKS, overdue=True)),
        ("what is overdue?", Ask(TASKS, overdue=True)),
        ("unassigned bugs", Ask(BUGS, unassigned=True)),
        ("tasks assigned to Anna", Ask(TASKS, names=named("Anna", NameOf.PERSON))),
        ("tasks assigned to anna", Ask(TASKS, names=named("anna", NameOf.PERSON))),
        ("Anna's open tasks", Ask(TASKS, state=OPEN, names=named("Anna"))),
        ("commits by Anna", Ask(COMMITS, names=named("Anna", NameOf.PERSON))),
        ("what did Anna commit?", Ask(COMMITS, names=named("Anna"))),
        ("bugs reported by Anna", Ask(BUGS, names=named("Anna", NameOf.REPORTER))),
        (
            "latest commits in project Harbor",
            Ask(COMMITS, names=named("Harbor", NameOf.PROJECT), newest=True),
        ),
        (
            "last 5 commits in fleet radar",
            Ask(COMMITS, names=named("fleet radar"), newest=True, limit=5),
        ),
        ("comments on task 42", Ask(COMMENTS, item=Item(TASKS, 42))),
        ("how many comments does task 42 have", Ask(COMMENTS, True, item=Item(TASKS, 42))),
        (
            "which tasks are due this week",
            Ask(TASKS, window=Window.THIS_WEEK, moment=Moment.DUE),
        ),
        (
            "how many bugs were fixed last month",
            Ask(BUGS, True, state=State.FIXED, window=Window.LAST_MONTH),
        ),
        ("ready user stories", Ask(STORIES, state=State.READY)),
        ("which projects are on hold?", Ask(PROJECTS, state=State.ON_HOLD)),
        ("tell me about project Harbor", Ask(PROJECTS, names=named("Harbor", NameOf.PROJECT))),
        ("list people", Ask(PEOPLE)),
        ("who is Anna Keller?", Ask(PEOPLE, names=named("Anna Keller"))),
        ("what's the status of Harbor?", Ask(PROJECTS, names=named("Harbor"))),
        (
            "how many tasks did Anna finish last week",
            Ask(TASKS, True, state=State.DONE, window=Window.LAST_WEEK, names=named("Anna")),
        ),
        ("how many people work here?", Ask(PEOPLE, True)),
    ],
)
def test_a_list_means(text: str, intent: Intent) -> None:
    assert understand(text) == (intent,)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        (
            "Show a chart of open bugs by severity",
            Ask(BUGS, True, Group.SEVERITY, state=OPEN, chart=True),
        ),
        ("chart open tasks per project", Ask(TASKS, True, Group.PROJECT, state=OPEN, chart=True)),
        ("create a chart of bugs per month", Ask(BUGS, True, Group.MONTH, chart=True)),
        ("draw a bar chart of tasks", Ask(TASKS, True, Group.STATUS, chart=True)),
    ],
)
def test_a_chart_means(text: str, intent: Intent) -> None:
    assert understand(text) == (intent,)


@pytest.mark.parametrize(
    "text",
    [
        "What is task 42?",
        "task 42",
        "#42",
        "show me task #42",
        "tell me about task 42",
        "who is assigned to task 42?",
        "who is working on task 42",
        "is task 42 done?",
        "task 42 is not done",
        "what is the status of task 42",
    ],
)
def test_one_task_is_shown_for(text: str) -> None:
    assert understand(text) == (ShowItem(Item(TASKS, 42)),)


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("Set task 42 to done", [SetStatus(42, "done")]),
        ("can you please set task 42 to done?", [SetStatus(42, "done")]),
        ("change the status of task 42 to in progress", [SetStatus(42, "in_progress")]),
        ("mark task 7 as in progress", [SetStatus(7, "in_progress")]),
        ("Task 42 is done", [SetStatus(42, "done")]),
        ("I finished task 42!", [SetStatus(42, "done")]),
        ("close task 42", [SetStatus(42, "done")]),
        ("start task 42", [SetStatus(42, "in_progress")]),
        ("reopen task 42", [SetStatus(42, "todo")]),
        ("set task 42 and 43 to done", [SetStatus(42, "done"), SetStatus(43, "done")]),
        (
            "set tasks 42, 43, and #44 to review",
            [SetStatus(42, "review"), SetStatus(43, "review"), SetStatus(44, "review")],
        ),
        (
            "move task 42 to review and task 43 to done",
            [SetStatus(42, "review"), SetStatus(43, "done")],
        ),
        ("Add a comment to task 42: Looks good", [AddComment(42, "Looks good")]),
        ("comment on task 42: Nice, and Don't stop", [AddComment(42, "Nice, and Don't stop")]),
        ('add the comment "See #7" to task 42', [AddComment(42, "See #7")]),
        (
            "set task 42 to done and add a comment to task 42: Shipped",
            [SetStatus(42, "done"), AddComment(42, "Shipped")],
        ),
        ("set task 42 to done and comment on it: Shipped", [SetStatus(42, "done"), AddComment(42, "Shipped")]),
    ],
)  # fmt: skip
def test_a_change_means(text: str, intents: list[Intent]) -> None:
    assert list(understand(text)) == intents


@pytest.mark.parametrize(
    "text",
    [
        "don't set task 42 to done",
        "please do not close task 42",
        "should I set task 42 to done?",
        "what happens if I set task 42 to done?",
        "how do I mark task 42 as done",
        "is task 42 done",
        "set task 42 to blocked",
        "set task 42 to urgent",
        "assign task 42 to Anna",
        "close bug 7",
        "set task 42 to done unless it is in review",
        "set task 42 to done or task 43 to review",
        "delete task 42",
        "set it to done",
        "set task 42",
        "add a comment to task 42",
        f"add a comment to task 42: {'x' * 2_001}",
        f"set tasks {', '.join(str(n) for n in range(1, 12))} to done",
        "set task 99999999999999999999 to done",
    ],
)
def test_nothing_is_changed_for(text: str) -> None:
    assert not any(isinstance(intent, SetStatus | AddComment) for intent in understand(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("set task 42 to blocked", "not “blocked”"),
        ("add a comment to task 42", "What should the comment say?"),
        ("assign task 42 to Anna", "two things only"),
        ("close bug 7", "two things only"),
        ("show tasks 1, 2, 3, 4, 5 and 6", "at most 5"),
        ("which projects are over budget?", "not what was spent"),
        ("which project has the largest budget", "can't calculate with budgets"),
        ("what tasks are blocked?", "does not say what is blocked"),
        ("how many hours are estimated for open tasks", "can't add up hours"),
        ("and the second one?", "which one you mean"),
    ],
)
def test_what_cannot_be_done_is_said(text: str, words: str) -> None:
    (intent,) = understand(text)
    assert isinstance(intent, CannotDo)
    assert words in intent.why


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("list the tables", ListTables()),
        ("which tables are there?", ListTables()),
        ("how many rows in invoices", CountRows("invoices")),
        ("How many rows does the table Invoices have?", CountRows("Invoices")),
        ("What can you do?", Talk(Topic.HELP)),
        ("hello", Talk(Topic.HELLO)),
        ("Hi there!", Talk(Topic.HELLO)),
        ("Thanks!", Talk(Topic.THANKS)),
        ("Who are you?", Talk(Topic.WHO_ARE_YOU)),
        ("delete all tasks", Talk(Topic.DELETE)),
        ("don't do it", Talk(Topic.NO_CHANGE)),
        ("my tasks", Talk(Topic.WHO_AM_I)),
        ("yes", Talk(Topic.YES)),
        ("ok, do it!", Talk(Topic.YES)),
        ("undo that", Talk(Topic.UNDO)),
        ("use describe_tables", UseTool("describe_tables", "")),
        (
            "Call the tool search_web with words: harbour cranes.",
            UseTool("search_web", "words: harbour cranes"),
        ),
        ("Wie viele Rechnungen gibt es?", Talk(Topic.FOREIGN)),
        ("¿Cuántas tareas hay?", Talk(Topic.FOREIGN)),
        ("多少任务", Talk(Topic.FOREIGN)),
    ],
)
def test_what_is_said_besides_means(text: str, intent: Intent) -> None:
    assert understand(text) == (intent,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "???",
        "42",
        "What's the weather?",
        "tell me a joke about projects",
        "write tasks",
        "which tasks are not in review",
        "tasks with more than 5 comments",
        "average points of user stories",
        "tasks due",
        "task 999999999999",
        "how many tasks by status and priority",
        "\x00\x01\x02",
        "open " * 30_000,
        "set " * 30_000,
        "task 1, " * 15_000,
    ],
    ids=lambda text: str(text)[:30],
)
def test_a_question_with_something_not_understood_in_it_is_not_answered_without_it(
    text: str,
) -> None:
    assert understand(text) == (NotUnderstood(),)


@pytest.mark.parametrize(
    ("questions", "intent"),
    [
        (["How many open tasks?", "and bugs?"], Ask(BUGS, True, state=OPEN)),
        (
            ["How many open tasks?", "and for Harbor?"],
            Ask(TASKS, True, state=OPEN, names=named("Harbor")),
        ),
        (
            ["How many open tasks in Harbor?", "and bugs?", "what about fleet radar?"],
            Ask(BUGS, True, state=OPEN, names=named("fleet radar")),
        ),
        (["Count bugs by status", "as a chart"], Ask(BUGS, True, Group.STATUS, chart=True)),
        (["bugs by severity", "thanks", "only open ones"], Ask(BUGS, True, Group.SEVERITY, state=OPEN)),
        (["tasks by status", "and by priority?"], Ask(TASKS, True, Group.PRIORITY)),
        (["list urgent tasks", "and bugs?"], Ask(BUGS)),
        (["how many tasks", "how many bugs"], Ask(BUGS, True)),
        (["what is task 42", "and task 43?"], ShowItem(Item(TASKS, 43))),
        (["what is task 42", "set it to done"], SetStatus(42, "done")),
        (["set task 42 to done", "set it back to todo"], SetStatus(42, "todo")),
        (["what is bug 7", "set it to done"], CannotDo),
        (["hello", "and for Harbor?"], NotUnderstood()),
        (["what is task 42", "comments?"], Ask(COMMENTS, item=Item(TASKS, 42))),
        (["what is bug 7", "show its comments"], Ask(COMMENTS, item=Item(BUGS, 7))),
        (["what is task 42", "list comments"], Ask(COMMENTS)),
        (["what is task 42", "add a comment: Fine"], AddComment(42, "Fine")),
        (["what is bug 7", "add a comment: Fine"], CannotDo),
        (["add a comment: Fine"], CannotDo),
    ],
)  # fmt: skip
def test_a_follow_up_leans_on_the_question_before_it(
    questions: list[str], intent: Intent | type[CannotDo]
) -> None:
    (understood,) = understand_last(questions)
    assert understood == intent or (isinstance(intent, type) and isinstance(understood, intent))


def test_several_things_are_asked_for_at_once() -> None:
    tasks, bugs = understand("how many open tasks and bugs are there in Harbor?")
    assert tasks == Ask(TASKS, True, state=OPEN, names=named("Harbor"))
    assert bugs == Ask(BUGS, True, state=OPEN, names=named("Harbor"))


def test_a_task_is_shown_with_its_comments() -> None:
    assert understand("show task 42 and its comments") == (
        ShowItem(Item(TASKS, 42)),
        Ask(COMMENTS, item=Item(TASKS, 42)),
    )


TASK_LIST = (
    "Open tasks:\n\n| Id | Title |\n| --- | --- |\n| 7 | A \\| Id \\| 9 |\n| 12 | B |\n| 3 | C |"
)
COUNTS = "Tasks by project, **9** in all:\n\n| Project | Tasks |\n| --- | --- |\n| Harbor | 9 |"


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("and the second one?", [ShowItem(Item(TASKS, 12))]),
        ("the first", [ShowItem(Item(TASKS, 7))]),
        ("What about the last one?", [ShowItem(Item(TASKS, 3))]),
        ("tell me more about the 3rd one", [ShowItem(Item(TASKS, 3))]),
        ("set the second one to done", [SetStatus(12, "done")]),
        ("comments on the first one", [Ask(COMMENTS, item=Item(TASKS, 7))]),
        ("comment on the second of them: like the first one", [AddComment(12, "like the first one")]),
        ("add a comment to task 42: see the second one", [AddComment(42, "see the second one")]),
        ("last 5 commits", [Ask(COMMITS, newest=True, limit=5)]),
    ],
)  # fmt: skip
def test_a_place_in_the_list_that_was_shown_means_what_stood_there(
    text: str, intents: list[Intent]
) -> None:
    assert list(understand_last(["list open tasks", text], [TASK_LIST])) == intents


def test_the_list_stays_the_one_meant_while_its_items_are_looked_at() -> None:
    questions = ["list open tasks", "the second one", "thanks", "and the third one?"]
    assert understand_last(questions, [TASK_LIST, "**Task 12: B**", "You're welcome."]) == (
        ShowItem(Item(TASKS, 3)),
    )


@pytest.mark.parametrize(
    ("questions", "answers", "words"),
    [
        (["list open tasks", "the tenth one"], [TASK_LIST], "only 3"),
        (["list open tasks", "set the 0th one to done"], [TASK_LIST], "only 3"),
        (["list open tasks", "the second one"], [], "which one you mean"),
        (["list open tasks", "the second one"], ["I cannot | Id | say."], "which one you mean"),
        (["list open tasks", "tasks by project", "the first one"], [TASK_LIST, COUNTS], "which one"),
        (["list open tasks and bugs", "the first one"], [TASK_LIST], "which one you mean"),
        (["list projects", "set the first one to done"], [TASK_LIST], "which one you mean"),
    ],
)  # fmt: skip
def test_a_place_that_no_list_has_changes_nothing_and_is_asked_back(
    questions: list[str], answers: list[str], words: str
) -> None:
    (intent,) = understand_last(questions, answers)
    assert isinstance(intent, CannotDo)
    assert words in intent.why
