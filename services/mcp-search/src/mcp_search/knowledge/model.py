"""What the knowledge base is made of: collections hold documents, documents have text, and text is cited by passages.

All offsets count characters (code points) of a document's `text`, from 0, ends exclusive. A passage is a span of that
text and nothing else, so that whoever opens it can be shown the very words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

BlockKind = Literal["heading", "text", "list", "table", "code"]
State = Literal["queued", "parsing", "embedding", "ready", "failed", "cancelled"]
"""Where a document's newest version stands. Searches find a document only by a version that is ready."""
EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a document that is not torn apart without need: a paragraph, a list, a table, a heading."""

    kind: BlockKind
    start: int
    end: int
    page: int | None = None
    """From 1; None where the format has no pages."""
    headings: tuple[str, ...] = ()
    """The path of headings it stands under, outermost first."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the text stands on a page of the file."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's text, cleaned (shared rules of untrusted text), and what is where in it."""

    text: str
    blocks: tuple[Block, ...]
    pages: tuple[Page, ...] = ()
    title: str = ""
    """As the file says; may be empty."""
    warnings: tuple[str, ...] = ()
    """In a person's words: what was left out (hidden text, pages without text, broken rows)."""
    media_type: str = ""
    """By the content, not by the name."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is embedded and found: a span of the text on natural borders."""

    ordinal: int
    start: int
    end: int
    page: int | None
    headings: tuple[str, ...]
    embedded_text: str
    """What the embedder sees: title and headings before the words; a table's header row before later rows of it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks, as the verified token says. Every query of the store takes one and sees only its tenant."""

    tenant: str
    subject: str
    roles: frozenset[str]

    @property
    def keys(self) -> frozenset[str]:
        """What of a document's `access` lets this reader in."""
        roles = {f"role:{role}" for role in self.roles}
        return frozenset({EVERYBODY, f"person:{self.subject}", *roles})


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """Whose vectors a collection has. Vectors of different models are never compared."""

    name: str
    dimension: int


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents that belong together, embedded by one model."""

    id: str
    tenant: str
    name: str
    """Unique in the tenant, compared without case."""
    description: str
    model: EmbeddingModel
    access: frozenset[str]
    """Keys (`everybody`, `person:…`, `role:…`) of those who may read; a document may narrow it, never widen."""
    editors: frozenset[str]
    """Keys of those who may add, change and delete."""
    documents: int = 0
    """That this reader may see."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document and where its newest version stands."""

    id: str
    """Random, 128 bits."""
    tenant: str
    collection_id: str
    name: str
    """The file's name as it was given; only ever shown."""
    title: str
    media_type: str
    """By the content, not by the name."""
    octets: int
    sha256: str
    access: frozenset[str]
    """Empty: as the collection says."""
    uploaded_by: str
    uploaded_by_name: str
    uploaded_at: datetime
    state: State
    version: int
    """From 1; while a newer one is worked on, the older stays ready and is what searches find."""
    progress: float = 0.0
    """0 to 1, of the work on the newest version."""
    reason: str = ""
    """Why it failed, in a person's words."""
    warnings: tuple[str, ...] = ()
    pages: int | None = None
    characters: int = 0
    chunks: int = 0
    source_url: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    curated: bool = False
    """An answer that an editor wrote to a question nobody could answer."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk of a ready version, with everything a citation needs."""

    id: str
    """The mark `[^id]` in an answer means it. `[a-z2-7]{10}`, unique in the tenant, stable for a document's version."""
    document_id: str
    version: int
    collection_id: str
    title: str
    """Of the document; its name where it has no title."""
    name: str
    page: int | None
    headings: tuple[str, ...]
    start: int
    end: int
    text: str
    """The words of the document from start to end."""
    ordinal: int
    uploaded_by_name: str
    uploaded_at: datetime
    sha256: str
    curated: bool = False


@dataclass(frozen=True, slots=True)
class Scored:
    """A passage that a leg of the search found."""

    passage: Passage
    score: float
    """Dense: cosine similarity, -1 to 1. Keyword: BM25 with larger as better, from 0."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search is narrowed to. Empty: everything that the reader may see."""

    collections: frozenset[str] = frozenset()
    """Ids."""
    documents: frozenset[str] = frozenset()
    media_types: frozenset[str] = frozenset()
    since: datetime | None = None
    """Uploaded at or after."""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Gap:
    """A question that the knowledge base had no answer to."""

    id: str
    tenant: str
    question: str
    asked: int
    """How often, by whomever; questions are told apart by their words without case and punctuation."""
    first_asked_at: datetime
    last_asked_at: datetime
    state: Literal["open", "answered", "dismissed"]
    answer_id: str = ""
    """The curated document that answers it."""
    asked_as: str = ""
    """In the words of the person who asked last; `question` is what was looked for. Empty: not known."""
