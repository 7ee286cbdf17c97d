"""What a message can mean to the demo model."""

from dataclasses import dataclass
from enum import StrEnum


class Entity(StrEnum):
    """What the sample tracker keeps."""

    TASKS = "tasks"
    BUGS = "bugs"
    USER_STORIES = "user_stories"
    COMMITS = "commits"
    COMMENTS = "comments"
    PROJECTS = "projects"
    PEOPLE = "people"
    CLIENTS = "clients"


class Group(StrEnum):
    """What counts can be split by."""

    PROJECT = "project"
    STATUS = "status"
    PRIORITY = "priority"
    SEVERITY = "severity"
    ASSIGNEE = "assignee"
    CLIENT = "client"
    MONTH = "month"
    ROLE = "role"


class State(StrEnum):
    """Where something stands, in the person's words; each kind of thing knows only some of these."""

    OPEN = "open"
    TODO = "todo"
    IN_PROGRESS = "in progress"
    REVIEW = "in review"
    DONE = "done"
    FIXED = "fixed"
    CLOSED = "closed"
    DRAFT = "draft"
    READY = "ready"
    ACTIVE = "active"
    ON_HOLD = "on hold"


class Window(StrEnum):
    """A stretch of days around today."""

    YESTERDAY = "yesterday"
    TODAY = "today"
    TOMORROW = "tomorrow"
    LAST_WEEK = "last week"
    THIS_WEEK = "this week"
    NEXT_WEEK = "next week"
    LAST_MONTH = "last month"
    THIS_MONTH = "this month"
    NEXT_MONTH = "next month"


class Moment(StrEnum):
    """Which date of a thing a window is about."""

    DUE = "due"
    CREATED = "created"
    DONE = "done"


class NameOf(StrEnum):
    """What a name in a question belongs to. ANY: the question does not say."""

    ANY = "any"
    PROJECT = "project"
    CLIENT = "client"
    PERSON = "person"
    REPORTER = "reporter"


@dataclass(frozen=True, slots=True)
class Name:
    """A name that a question mentions, as the person wrote it."""

    text: str
    of: NameOf = NameOf.ANY


@dataclass(frozen=True, slots=True)
class Item:
    """One task or bug by its number."""

    entity: Entity
    id: int

    def __str__(self) -> str:
        return f"{self.entity.value.removesuffix('s')} {self.id}"


@dataclass(frozen=True, slots=True)
class Ask:
    """A question that one query can answer."""

    entity: Entity
    counts: bool = False
    group: Group | None = None
    most: bool = False
    """The first of the groups is what is asked for."""
    state: State | None = None
    levels: tuple[str, ...] = ()
    """Priorities or severities; any of them."""
    role: str | None = None
    overdue: bool = False
    unassigned: bool = False
    window: Window | None = None
    moment: Moment | None = None
    names: tuple[Name, ...] = ()
    item: Item | None = None
    newest: bool = False
    limit: int | None = None
    chart: bool = False


@dataclass(frozen=True, slots=True)
class ShowItem:
    """One task or bug in full."""

    item: Item


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Change the status of a task; `status` is the database's word for it."""

    task_id: int
    status: str


@dataclass(frozen=True, slots=True)
class AddComment:
    """Comment on a task."""

    task_id: int
    body: str


@dataclass(frozen=True, slots=True)
class ListTables:
    """Which tables there are."""


@dataclass(frozen=True, slots=True)
class CountRows:
    """How many rows a table has, which need not be one of the sample."""

    table: str


@dataclass(frozen=True, slots=True)
class UseTool:
    """Use a tool by its name; `given` are the arguments as the person wrote them."""

    tool: str
    given: str


@dataclass(frozen=True, slots=True)
class SendMail:
    """Send a mail to one address."""

    to: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class FindMail:
    """List mails. Empty texts: any."""

    about: str = ""
    sender: str = ""
    unread: bool = False


@dataclass(frozen=True, slots=True)
class ReadMail:
    """Read the newest of the mails that fit."""

    about: str = ""
    sender: str = ""


@dataclass(frozen=True, slots=True)
class AskDocuments:
    """A question that the organisation's documents may answer."""

    question: str


@dataclass(frozen=True, slots=True)
class SearchWeb:
    """Search the web for some words."""

    words: str


@dataclass(frozen=True, slots=True)
class ReadPage:
    """Read a page of the web."""

    url: str


@dataclass(frozen=True, slots=True)
class Talk:
    """Something to be answered without looking anything up."""

    about: "Topic"


class Topic(StrEnum):
    """What can be talked about."""

    HELLO = "hello"
    THANKS = "thanks"
    BYE = "bye"
    HOW_ARE_YOU = "how_are_you"
    WHO_ARE_YOU = "who_are_you"
    HELP = "help"
    DELETE = "delete"
    NO_CHANGE = "no_change"
    WHO_AM_I = "who_am_i"
    YES = "yes"
    UNDO = "undo"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class CannotDo:
    """Understood well enough to say why it is not done."""

    why: str


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """Anything else."""


Intent = (
    Ask
    | ShowItem
    | SetStatus
    | AddComment
    | ListTables
    | CountRows
    | UseTool
    | SendMail
    | FindMail
    | ReadMail
    | AskDocuments
    | SearchWeb
    | ReadPage
    | Talk
    | CannotDo
    | NotUnderstood
)
