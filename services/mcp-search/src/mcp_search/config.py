"""The configuration: who searches the web for us, what may be fetched, and how documents are kept and embedded."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, PositiveFloat, PositiveInt, model_validator

from shared.config_file import Secret, Strict, load

ProviderKind = Literal["searxng", "brave", "tavily", "duckduckgo"]


class Provider(Strict):
    """Somebody who searches the web for us."""

    kind: ProviderKind
    url: HttpUrl | None = None
    """Of the instance (searxng), or in place of the provider's own address."""
    key: Secret | None = None

    @model_validator(mode="after")
    def _is_sound(self) -> "Provider":
        if self.kind == "searxng" and self.url is None:
            raise ValueError(
                "searxng needs the url of an instance whose settings allow the format json"
            )
        if self.kind in {"brave", "tavily"} and self.key is None:
            raise ValueError(f"{self.kind} needs a key")
        return self


class Web(Strict):
    """Searching and reading the web."""

    providers: list[Provider] = Field(default_factory=list)
    """In the order of preference. Empty: the web cannot be searched, and web_search says so."""
    deadline_s: Annotated[PositiveFloat, Field(le=30)] = 4.0
    """For the first good answer of several providers."""
    allow: list[str] | None = None
    """Domains that may be fetched ("example.org", "*.example.org"). None: the whole public web."""
    deny: list[str] = Field(default_factory=list)
    robots: Literal["obey", "ignore"] = "obey"
    user_agent: str = "StewardBot/0.1"
    proxy: HttpUrl | None = None
    """A forward proxy that fetches for us; it is then the proxy that resolves names."""
    redirects: PositiveInt = 5
    wire_bytes: PositiveInt = 5 * 1024 * 1024
    page_bytes: PositiveInt = 20 * 1024 * 1024
    """Decoded."""
    fetch_s: PositiveFloat = 20.0


class Embeddings(Strict):
    """What turns texts into vectors."""

    kind: Literal["builtin", "openai", "none"] = "builtin"
    """builtin: all-MiniLM-L6-v2 on this machine (English). openai: any compatible endpoint. none: words only."""
    url: HttpUrl | None = None
    model: str = ""
    dimension: PositiveInt | None = None
    max_tokens: PositiveInt = 8_000
    key: Secret | None = None
    batch: Annotated[PositiveInt, Field(le=256)] = 64

    @model_validator(mode="after")
    def _is_sound(self) -> "Embeddings":
        if self.kind == "openai" and not (self.url and self.model and self.dimension):
            raise ValueError("openai needs url, model and dimension")
        return self


class Reranking(Strict):
    """What takes a second look at the best passages of a search."""

    kind: Literal["none", "lexical", "http"] = "none"
    """lexical: by the question's words. http: a service with POST {url}/rerank, as Cohere, Jina and vLLM have it."""
    url: HttpUrl | None = None
    model: str = ""
    key: Secret | None = None

    @model_validator(mode="after")
    def _is_sound(self) -> "Reranking":
        if self.kind == "http" and not (self.url and self.model):
            raise ValueError("http needs url and model")
        return self


class Knowledge(Strict):
    """The knowledge base."""

    editor_roles: list[str] = Field(default_factory=lambda: ["owner", "admin", "editor"])
    """Who may make collections, change everybody's documents and write curated answers, in their own tenant."""
    embeddings: Embeddings = Field(default_factory=Embeddings)
    reranking: Reranking = Field(default_factory=Reranking)
    document_bytes: PositiveInt = 50 * 1024 * 1024
    document_pages: PositiveInt = 2_000
    parse_s: PositiveFloat = 60.0
    """Of processor time."""
    parse_bytes: PositiveInt = 1024 * 1024 * 1024
    """Of memory."""
    chunk_tokens: PositiveInt = 500
    overlap_tokens: Annotated[int, Field(ge=0)] = 50
    ingest_at_once: PositiveInt = 2
    good_enough: Annotated[float, Field(ge=0, le=1.5)] | None = None
    """Closeness below which nothing is said to be found. None: the measured one of the model (docs/retrieval.md)."""


class Limits(Strict):
    """How often one person may ask."""

    searches_a_minute: PositiveInt = 30
    fetches_a_minute: PositiveInt = 60
    knowledge_a_minute: PositiveInt = 120
    uploads_a_day: PositiveInt = 500
    query_characters: PositiveInt = 400


class Config(Strict):
    """The whole file."""

    web: Web = Field(default_factory=Web)
    knowledge: Knowledge = Field(default_factory=Knowledge)
    limits: Limits = Field(default_factory=Limits)


def load_config(path: Path) -> Config:
    """Read the file. Paths in it are relative to its folder. Raises BadSetup."""
    return load(path, Config, paths={"file"})


def open_config() -> Config:
    """What holds without a file: DuckDuckGo, which needs no key, and a knowledge base on this machine."""
    return Config(web=Web(providers=[Provider(kind="duckduckgo")]))
