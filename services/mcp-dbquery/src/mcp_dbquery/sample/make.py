"""Makes the sample database: the same rows every time."""

import hashlib
import random
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from mcp_dbquery.sample import words
from shared.errors import BadSetup

SAMPLE_ACTIONS = Path(str(files("mcp_dbquery.sample") / "actions.toml"))
SAMPLE_CONFIG = Path(str(files("mcp_dbquery.sample") / "tracker.toml"))
SEED = 2026
TODAY = date(2026, 11, 20)
TASKS, BUGS, STORIES, COMMENTS, COMMITS = 640, 260, 180, 1_900, 1_400
RELEASE_NOTES_TASK = 42

Row = tuple[Any, ...]


def make_sample(path: Path) -> int:
    """Write the database to `path`, whole or not at all; gives the number of rows.

    Raises:
        BadSetup: the file cannot be written there.
    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.unlink(missing_ok=True)
        rows = _write(unfinished)
        unfinished.replace(path)
    except (OSError, sqlite3.OperationalError) as error:
        raise BadSetup(f"The sample database cannot be written to {path}: {error}.") from None
    return rows


def _write(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        connection.executescript((files("mcp_dbquery.sample") / "schema.sql").read_text())
        total = 0
        for table, rows in _Maker().tables():
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - our own names
            total += len(rows)
        connection.commit()
    finally:
        connection.close()
    return total


class _Maker:
    def __init__(self) -> None:
        self._random = random.Random(SEED)  # noqa: S311 - sample data, not secrets
        self._people = self._make_people()
        self._team = [row[0] for row in self._people if row[1] is None]
        self._tasks = self._make_tasks()

    def tables(self) -> Iterable[tuple[str, list[Row]]]:
        """Tables in the order in which their rows can be inserted."""
        yield (
            "clients",
            [
                (1, "Northwind Logistics", "logistics", "Netherlands", "2023-02-13"),
                (2, "Halden Health", "healthcare", "Norway", "2024-05-06"),
            ],
        )
        yield "people", self._people
        yield "projects", list(words.PROJECTS)
        yield "tasks", self._tasks
        yield "bugs", self._make_bugs()
        yield "user_stories", self._make_stories()
        yield "comments", self._make_comments()
        yield "commits", self._make_commits()

    def _make_people(self) -> list[Row]:
        rows: list[Row] = []
        for number, (name, role, client) in enumerate(words.PEOPLE, start=1):
            domain = {None: "tidewater.example", 1: "northwind.example", 2: "halden.example"}[
                client
            ]
            email = f"{name.lower().replace(' ', '.')}@{domain}"
            rows.append((number, client, name, email, role, self._day(2022, 1_300)))
        return rows

    def _make_tasks(self) -> list[Row]:
        rows: list[Row] = []
        for number in range(1, TASKS + 1):
            project = self._project()
            created = self._between(date.fromisoformat(project[5]), TODAY - timedelta(days=3))
            due = created + timedelta(days=self._random.randint(7, 120))
            status = self._task_status(project[4], due)
            title = f"{self._pick(words.TASK_VERBS)} {self._pick(words.TASK_OBJECTS)}"
            priority = self._weighted(("low", 3), ("medium", 5), ("high", 3), ("urgent", 1))
            if number == RELEASE_NOTES_TASK:
                project, title, status, priority = (
                    words.PROJECTS[0],
                    "Write the release notes",
                    "in_progress",
                    "high",
                )
                created, due = TODAY - timedelta(days=9), TODAY + timedelta(days=5)
            done = min(TODAY, created + timedelta(days=self._random.randint(1, 60)))
            rows.append(
                (
                    number,
                    project[0],
                    title,
                    f"{self._pick(words.TASK_REASONS)} {self._pick(words.TASK_CHECKS)}",
                    status,
                    priority,
                    self._pick(self._team) if self._random.random() < 0.93 else None,
                    self._random.choice((1, 2, 3, 4, 6, 8, 12, 16, 24)),
                    created.isoformat(),
                    due.isoformat(),
                    done.isoformat() if status == "done" else None,
                )
            )
        return rows

    def _task_status(self, project_status: str, due: date) -> str:
        if project_status == "completed":
            return "done"
        if due < TODAY - timedelta(days=30):
            return self._weighted(("done", 12), ("review", 1), ("in_progress", 1), ("todo", 1))
        return self._weighted(("todo", 5), ("in_progress", 4), ("review", 2), ("done", 5))

    def _make_bugs(self) -> list[Row]:
        rows: list[Row] = []
        for number in range(1, BUGS + 1):
            project = self._project()
            reported = self._between(date.fromisoformat(project[5]), TODAY - timedelta(days=1))
            status = self._weighted(("open", 4), ("in_progress", 2), ("fixed", 3), ("closed", 6))
            if project[4] == "completed":
                status = "closed"
            fixed = min(TODAY, reported + timedelta(days=self._random.randint(1, 40)))
            rows.append(
                (
                    number,
                    project[0],
                    f"{self._pick(words.BUG_SUBJECTS)} {self._pick(words.BUG_SYMPTOMS)}",
                    self._weighted(("minor", 5), ("major", 4), ("critical", 1)),
                    status,
                    self._random.randint(1, len(self._people)),
                    self._pick(self._team),
                    reported.isoformat(),
                    fixed.isoformat() if status in {"fixed", "closed"} else None,
                )
            )
        return rows

    def _make_stories(self) -> list[Row]:
        rows: list[Row] = []
        for number in range(1, STORIES + 1):
            want, why = self._pick(words.STORY_WANTS)
            rows.append(
                (
                    number,
                    self._project()[0],
                    f"{want[0].upper()}{want[1:]}",
                    self._pick(words.STORY_ROLES),
                    want,
                    why,
                    self._weighted(("draft", 2), ("ready", 3), ("in_progress", 2), ("done", 5)),
                    self._random.choice((1, 2, 3, 5, 8, 13)),
                )
            )
        return rows

    def _make_comments(self) -> list[Row]:
        rows: list[Row] = []
        for number in range(1, COMMENTS + 1):
            on_task = self._random.random() < 0.75
            rows.append(
                (
                    number,
                    self._random.randint(1, TASKS) if on_task else None,
                    None if on_task else self._random.randint(1, BUGS),
                    self._random.randint(1, len(self._people)),
                    self._pick(words.COMMENTS),
                    f"{self._day(2025, 680)}T{self._time()}",
                )
            )
        return rows

    def _make_commits(self) -> list[Row]:
        rows: list[Row] = []
        for number in range(1, COMMITS + 1):
            task = self._pick(self._tasks)
            message = f"{self._pick(words.COMMIT_VERBS)} {self._pick(words.TASK_OBJECTS)}"
            sha = hashlib.sha1(f"{SEED}-{number}".encode(), usedforsecurity=False).hexdigest()
            at = f"{self._day(2025, 680)}T{self._time()}"
            rows.append((number, task[1], task[0], self._pick(self._team), sha, message, at))
        return rows

    def _project(self) -> Row:
        return self._random.choices(words.PROJECTS, weights=words.PROJECT_WEIGHTS)[0]

    def _pick(self, options: Sequence[Any]) -> Any:
        return self._random.choice(options)

    def _weighted(self, *options: tuple[str, int]) -> str:
        names, weights = zip(*options, strict=True)
        return self._random.choices(names, weights=weights)[0]

    def _between(self, first: date, last: date) -> date:
        return first + timedelta(days=self._random.randint(0, max(0, (last - first).days)))

    def _day(self, year: int, within_days: int) -> str:
        return (
            date(year, 1, 10) + timedelta(days=self._random.randint(0, within_days))
        ).isoformat()

    def _time(self) -> str:
        return f"{self._random.randint(7, 18):02d}:{self._random.randint(0, 59):02d}:00"
