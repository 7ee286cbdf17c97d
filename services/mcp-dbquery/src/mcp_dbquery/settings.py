"""The server's settings, read once at start."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from mcp_dbquery.config import NAME, Config, DatabaseConfig, Limits, load_config
from shared.config_file import read_key
from shared.errors import BadSetup
from shared.settings import ToolServerSettings


class Settings(ToolServerSettings):
    """Environment variables with the prefix MCP_DBQUERY_. Without roles the local user over stdio can only read."""

    model_config = SettingsConfigDict(env_prefix="MCP_DBQUERY_")
    name = "mcp-dbquery"

    resource_url: str = "http://127.0.0.1:8001/mcp"

    database_url: str | None = None
    """One database without a file. With a file: only what the file reads by `url_from = {env = …}`."""
    actions_file: Path | None = None
    """TOML file of declared actions, without a configuration file. None: nothing can be changed."""
    limits: Limits = Field(default_factory=Limits)
    """JSON object: limits that differ, from the file's too."""

    store_url: str | None = None
    """Where the server keeps which actions were done, and persons' saved queries: sqlite:////absolute/path.db, or
    postgresql://… for several replicas. Needed when there are actions; without it no query can be saved."""
    redis_url: Annotated[str | None, Field(pattern=r"^rediss?://")] = None
    """Redis or Valkey, so that replicas share pages and rate limits. None: each process keeps its own."""
    cursor_key: SecretStr | None = None
    """What cursors are sealed with, at least 32 characters, the same for all replicas."""
    cursor_key_file: Path | None = None
    """The same in a file. Neither: a key of this process, so cursors end with it."""


def configuration(settings: Settings) -> Config:
    """The configuration that the settings name: a file, or one database.

    Raises:
        BadSetup: neither is given, or the file is wrong.
    """
    if settings.config is not None:
        config = load_config(settings.config)
    elif settings.database_url is not None:
        database = DatabaseConfig(url=settings.database_url, actions_file=settings.actions_file)
        config = Config(databases={name_of(settings.database_url): database})
    else:
        raise BadSetup(
            "No database is given. Name a configuration file with --config or MCP_DBQUERY_CONFIG, or one database "
            "with MCP_DBQUERY_DATABASE_URL."
        )
    differing = settings.limits.model_dump(exclude_unset=True)
    return config.model_copy(update={"limits": config.limits.model_copy(update=differing)})


def name_of(database_url: str) -> str:
    """What a database without a configured name is called: its file's or its own name, else `main`.

    Nothing but the path of a URL is looked at: what stands before it may be a password.
    """
    try:
        path = urlsplit(database_url).path if "://" in database_url else ""
    except ValueError:
        path = ""
    last = path.rpartition("/")[2].partition(".")[0]
    name = re.sub(r"[^a-z0-9]+", "_", last.lower()).strip("_")
    return name if re.match(NAME, name) else "main"


def cursor_key(settings: Settings) -> bytes | None:
    """The configured key, None when there is none. Raises BadSetup: it cannot be read, or is too short."""
    key = read_key("The key of the cursors", settings.cursor_key, settings.cursor_key_file)
    return key.encode() if key else None
