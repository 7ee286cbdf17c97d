"""The server's settings, read once at start."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, PositiveFloat, PositiveInt
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Environment variables with the prefix MCP_DBQUERY_."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", env_prefix="MCP_DBQUERY_"
    )

    database_url: str
    """sqlite:////absolute/path.db"""
    actions_file: Path | None = None
    """TOML file of declared actions. None: nothing can be changed."""
    ledger_path: Path | None = None
    """Where it is kept which actions were done (SQLite). Needed when there are actions."""

    resource_url: str = "http://127.0.0.1:8001/mcp"
    """The audience that tokens must name: our own address, as clients use it."""
    issuers: dict[str, HttpUrl] = Field(default_factory=dict)
    """Whose tokens are accepted over HTTP: issuer → address of its key set."""
    allowed_hosts: list[str] = Field(default_factory=list)
    """Host headers to answer, beside loopback."""
    stdio_roles: list[str] = Field(default_factory=list)
    """Roles of the local user over stdio. None of them: reading only."""

    timeout_s: Annotated[PositiveFloat, Field(le=60)] = 10.0
    max_rows: Annotated[PositiveInt, Field(le=5_000)] = 200
    max_result_bytes: PositiveInt = 256 * 1024
    max_cell_characters: PositiveInt = 4_096
    worker_memory_mb: Annotated[int, Field(ge=256)] = 1_024
    workers: Annotated[int, Field(ge=1, le=32)] = 4

    log_level: str = "INFO"
    log_format: Literal["json", "console"] = "json"
