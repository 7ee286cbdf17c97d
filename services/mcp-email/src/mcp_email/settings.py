"""The server's settings, read once at start."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, PositiveInt, SecretStr
from pydantic_settings import SettingsConfigDict

from mcp_email.config import Config, embedded_config, load_config
from shared.config_file import read_key
from shared.settings import ToolServerSettings


class Settings(ToolServerSettings):
    """Environment variables with the prefix MCP_EMAIL_. Without a `config`: one embedded mailbox for every person."""

    model_config = SettingsConfigDict(env_prefix="MCP_EMAIL_")
    name = "mcp-email"

    resource_url: str = "http://127.0.0.1:8003/mcp"

    data_dir: Path = Field(default_factory=lambda: Path.home() / ".local" / "share" / "mcp-email")
    """`--data` wins. A folder of the server's own: what was sent, attachments on their way, embedded mailboxes."""
    ledger_url: str | None = None
    """postgresql://… for several replicas. None: a file in the data folder."""
    listen_host: str = "127.0.0.1"
    """Where the embedded mailboxes take mail in (SMTP)."""
    listen_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """0: a free one."""
    system_sender: str | None = None
    """An address whose mails are taken for anybody, as those of a person with a mailbox are: what Steward itself writes
    to people. Who has no mailbox here finds them with `mcp-email outbox` only."""

    confirming_issuers: list[str] = Field(default_factory=list)
    """Whose callers were asked by their host before a mail is sent: the issuer of a host that always does."""
    confirmation_key: SecretStr | None = None
    confirmation_key_file: Path | None = None
    """Seals what people are asked, so that any replica can take the answer. None of both: a key of this process."""

    reads_per_minute: Annotated[PositiveInt, Field(le=10_000)] = 60
    """Calls of reading tools by one person."""


def configuration(settings: Settings) -> Config:
    """The accounts. Raises BadSetup."""
    return load_config(settings.config) if settings.config is not None else embedded_config()


def confirmation_key(settings: Settings) -> str | None:
    """The configured key, None when there is none. Raises BadSetup: it cannot be read, or is too short."""
    return read_key(
        "The key of the confirmations", settings.confirmation_key, settings.confirmation_key_file
    )
