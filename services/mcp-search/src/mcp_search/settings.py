"""The server's settings, read once at start."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from mcp_search.config import Config, load_config, open_config
from shared.config_file import read_key, read_secret
from shared.settings import ToolServerSettings


class Settings(ToolServerSettings):
    """Environment variables with the prefix MCP_SEARCH_. Without a `config`: the web by DuckDuckGo, and documents."""

    model_config = SettingsConfigDict(env_prefix="MCP_SEARCH_")
    name = "mcp-search"

    resource_url: str = "http://127.0.0.1:8004/mcp"

    data_dir: Path = Field(default_factory=lambda: Path.home() / ".local" / "share" / "mcp-search")
    """`--data` wins. A folder of the server's own: documents, what is found in them, work on them that is under way."""
    store_url: SecretStr | None = None
    """postgresql://… with the extension vector, for several replicas. None: files in the data folder."""
    sample: bool = False
    """`--sample`: for trials, whoever is new finds a few documents of an invented organisation."""
    canaries_file: Path | None = None
    """Texts that must never leave for the web, one a line."""

    confirming_issuers: list[str] = Field(default_factory=list)
    """Whose callers were asked by their host before something is deleted: the issuer of a host that always does."""
    confirmation_key: SecretStr | None = None
    confirmation_key_file: Path | None = None
    """Seals what people are asked, so that any replica can take the answer. None of both: a key of this process."""


def configuration(settings: Settings) -> Config:
    """Providers, guard, documents, limits. Raises BadSetup."""
    return load_config(settings.config) if settings.config is not None else open_config()


def confirmation_key(settings: Settings) -> str | None:
    """The configured key, None when there is none. Raises BadSetup: it cannot be read, or is too short."""
    return read_key(
        "The key of the confirmations", settings.confirmation_key, settings.confirmation_key_file
    )


def canaries(settings: Settings) -> list[str]:
    """Raises BadSetup: the file cannot be read."""
    if settings.canaries_file is None:
        return []
    text = read_secret(settings.canaries_file, "The list of what must not leave")
    return [line.strip() for line in text.splitlines() if line.strip()]


def store_url(settings: Settings) -> str:
    """Where documents are kept."""
    if settings.store_url is not None:
        return settings.store_url.get_secret_value()
    return f"sqlite:///{settings.data_dir.absolute() / 'knowledge.db'}"


def jobs_url(settings: Settings) -> str:
    """Where the work on documents is noted: with them, or in a file of its own beside them."""
    if settings.store_url is not None:
        return settings.store_url.get_secret_value()
    return f"sqlite:///{settings.data_dir.absolute() / 'jobs.db'}"
