"""The server's settings, read once at start."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, HttpUrl, PositiveInt, SecretStr
from pydantic_settings import SettingsConfigDict

from mcp_email.config import Config, embedded_config, load_config
from shared.config_file import read_key
from shared.logs import LogFormat
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Environment variables with the prefix MCP_EMAIL_."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", env_prefix="MCP_EMAIL_"
    )

    config: Path | None = None
    """TOML file of the accounts (`--config` wins). None: one embedded mailbox for every person."""
    data_dir: Path = Field(default_factory=lambda: Path.home() / ".local" / "share" / "mcp-email")
    """`--data` wins. A folder of the server's own: what was sent, attachments on their way, embedded mailboxes."""
    ledger_url: str | None = None
    """postgresql://… for several replicas. None: a file in the data folder."""
    listen_host: str = "127.0.0.1"
    """Where the embedded mailboxes take mail in (SMTP), at a free port."""

    confirming_issuers: list[str] = Field(default_factory=list)
    """Whose callers were asked by their host before a mail is sent: the issuer of a host that always does."""
    confirmation_key: SecretStr | None = None
    confirmation_key_file: Path | None = None
    """Seals what people are asked, so that any replica can take the answer. None of both: a key of this process."""

    resource_url: str = "http://127.0.0.1:8003/mcp"
    """The audience that tokens must name: our own address, as clients use it."""
    issuers: dict[str, HttpUrl] = Field(default_factory=dict)
    """Whose tokens are accepted over HTTP: issuer → address of its key set."""
    allowed_hosts: list[str] = Field(default_factory=list)
    """Host headers to answer, beside loopback."""
    stdio_tenant: str = "local"
    stdio_subject: str = "local"
    stdio_roles: list[str] = Field(default_factory=list)
    """Who the local user is over stdio."""
    stdio_name: str = "Local User"

    reads_per_minute: Annotated[PositiveInt, Field(le=10_000)] = 60
    """Calls of reading tools by one person."""

    log_level: str = "INFO"
    log_format: LogFormat = "json"


def configuration(settings: Settings) -> Config:
    """The accounts. Raises BadSetup."""
    return load_config(settings.config) if settings.config is not None else embedded_config()


def confirmation_key(settings: Settings) -> str | None:
    """The configured key, None when there is none. Raises BadSetup: it cannot be read, or is too short."""
    return read_key(
        "The key of the confirmations", settings.confirmation_key, settings.confirmation_key_file
    )
