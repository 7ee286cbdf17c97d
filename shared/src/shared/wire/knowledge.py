"""The knowledge base on the wire: what pages and the orchestrator say of documents, passages and cited sentences.

Texts of documents are strangers' and bounded here; a server that says more is not understood.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MARK = r"\[\^([a-z2-7]{10})\]"
"""How an answer cites a passage: the passage's id, like a footnote's mark in Markdown."""
MAX_SENTENCES = 200

PassageId = Annotated[str, Field(pattern=r"^[a-z2-7]{10}$")]
_Line = Annotated[str, Field(max_length=2_000)]
DocumentState = Literal["queued", "parsing", "embedding", "ready", "failed", "cancelled"]
Support = Literal["supported", "partly", "not_found"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class CollectionShown(_Frozen):
    id: str
    name: _Line
    description: _Line = ""
    documents: int = Field(ge=0)
    access: list[str] = []
    """`everybody`, `person:SUBJECT`, `role:NAME`."""
    editable: bool = False
    """The person who looks may add, change and delete."""
    model: str = ""


class DocumentShown(_Frozen):
    id: str
    collection_id: str
    name: _Line
    title: _Line = ""
    media_type: _Line
    octets: int = Field(ge=0)
    state: DocumentState
    progress: float = Field(ge=0, le=1, default=0)
    reason: _Line = ""
    warnings: Annotated[list[_Line], Field(max_length=100)] = []
    pages: int | None = None
    chunks: int = 0
    uploaded_by_name: _Line = ""
    uploaded_at: datetime
    access: list[str] = []
    """Empty: as the collection's."""
    curated: bool = False
    editable: bool = False


class PassageShown(_Frozen):
    """What a citation says before it is opened."""

    id: PassageId
    document_id: str
    title: _Line
    name: _Line = ""
    page: int | None = None
    headings: Annotated[list[_Line], Field(max_length=20)] = []
    start: int = Field(ge=0)
    end: int
    quote: Annotated[str, Field(max_length=4_000)] = ""
    curated: bool = False


class PassageOpened(_Frozen):
    """A passage in its document, for the side panel: the text around it and where in that text it is."""

    passage: PassageShown
    document: DocumentShown
    text: Annotated[str, Field(max_length=60_000)]
    text_start: int = Field(ge=0)
    """Where in the document `text` begins; the passage is `text[start - text_start : end - text_start]`."""
    whole: bool = False
    """`text` is all of the document."""
    page_image: bool = False
    """The page can be had as a picture with the passage marked: `GET /v1/knowledge/passages/{id}/page.png`."""


class SentenceChecked(_Frozen):
    """A sentence of the answer that cites, and whether what it cites says so."""

    start: int = Field(ge=0)
    """In characters (code points) of the answer's text, marks included."""
    end: int
    passages: list[PassageId]
    support: Support
    judged_by: Literal["words", "vectors", "model"]


class GapShown(_Frozen):
    id: str
    question: _Line
    """What was looked for in the documents."""
    asked_as: _Line = ""
    """In the words of the person who asked last. Empty: not known."""
    asked: int
    first_asked_at: datetime
    last_asked_at: datetime
    state: Literal["open", "answered", "dismissed"]
    answer_id: str = ""


# What pages ask the orchestrator, and it the server's hidden companions (docs/tool-conventions.md)


class KnowledgeAbout(_Frozen):
    """Whether there is a knowledge base for the person, and within which limits. `kb_about` answers it."""

    available: bool
    editor: bool = False
    """The person may make collections and look after the questions nobody could answer."""
    document_bytes: int = Field(ge=0, default=0)
    kinds: Annotated[list[_Line], Field(max_length=50)] = []
    """Suffixes of files that can be read: `.pdf`."""
    open_gaps: int = Field(ge=0, default=0)
    """For editors; 0 for others."""


class CollectionList(_Frozen):
    collections: Annotated[list[CollectionShown], Field(max_length=1_000)]


class DocumentPage(_Frozen):
    """Documents, the newest first."""

    documents: Annotated[list[DocumentShown], Field(max_length=200)]
    next_cursor: Annotated[str | None, Field(max_length=200)] = None


class DocumentAdded(_Frozen):
    """What became of an upload."""

    document: DocumentShown
    duplicate: bool = False
    """The collection has this content already: it is that document, and nothing was done."""


class GapList(_Frozen):
    gaps: Annotated[list[GapShown], Field(max_length=500)]


class CitationsJudged(_Frozen):
    """What `kb_check_citations` answers for an answer's text."""

    passages: Annotated[list[PassageShown], Field(max_length=MAX_SENTENCES)]
    """Each that is cited and that the person may see, in the order of its first mark."""
    sentences: Annotated[list[SentenceChecked], Field(max_length=MAX_SENTENCES)]
    """Those that cite."""


AccessKey = Annotated[str, Field(min_length=1, max_length=300)]
_Keys = Annotated[list[AccessKey], Field(max_length=50)]


class _Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewCollection(_Wish):
    """How a collection is made."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: _Line = ""
    access: _Keys = ["everybody"]
    editors: _Keys = []


class CollectionChange(_Wish):
    """What is None stays."""

    name: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    description: _Line | None = None
    access: _Keys | None = None
    editors: _Keys | None = None


class DocumentChange(_Wish):
    """Who may read it, of those who may read its collection. Empty: all of them."""

    access: _Keys


class AnswerChange(_Wish):
    """A curated answer in other words."""

    question: Annotated[str, Field(min_length=1, max_length=400)]
    answer: Annotated[str, Field(min_length=1, max_length=20_000)]


class GapAnswer(_Wish):
    """What an editor writes to a question, in Markdown."""

    question: Annotated[str | None, Field(min_length=1, max_length=400)] = None
    """In better words than it was asked in. None: as it was asked."""
    answer: Annotated[str, Field(min_length=1, max_length=20_000)]
