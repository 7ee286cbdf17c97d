"""The frontend's settings, read once at start."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
)
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Resource(BaseModel):
    """A tool server that people can let other agents use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """For people."""
    scopes: list[str]


class Settings(ServiceSettings):
    """Environment variables with the prefix FRONTEND_."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", env_prefix="FRONTEND_"
    )

    database_url: str
    """sqlite:////absolute/path or postgresql+psycopg://..."""
    redis_url: str
    key_file: Path
    """The private key (JWK) that signs tokens for the orchestrator."""
    secret_key_file: Path
    """Signs CSRF tokens; the same on every replica."""
    issuer: str
    """What the orchestrator knows us as."""
    public_url: HttpUrl
    """Where browsers find us."""
    orchestrator_url: HttpUrl
    resources: dict[str, Resource] = Field(default_factory=dict)
    """Where agents can be let in: address of a tool server, which its tokens name → what it is."""
    session_days: PositiveInt = 14
    sign_in_attempts_a_minute: PositiveInt = 5
    """For each account; ten times as many for each address."""
    sign_in_burst: PositiveInt = 10
    shared_reads_a_minute: PositiveInt = 60
    """How often each address may open shared conversations."""
    trusted_proxies: Annotated[int, Field(ge=0, le=5)] = 0
    """How many proxies stand before us and add to X-Forwarded-For: sign-in is limited by the address before them."""
    session_check_s: PositiveFloat = 30.0
    """How often open sockets are checked for sessions that ended on another replica, or by time."""
    relay_grace_s: NonNegativeFloat = 5.0
    """A relay that nobody watches ends after this long."""
    relay_patience_s: PositiveFloat = 45.0
    """An orchestrator that is silent for longer is taken for lost; it pings every 15 s."""
    max_queued_packets: Annotated[int, Field(ge=10)] = 2_000
    """A socket that is further behind is cut off; its page catches up by itself."""
    log_level: str = "INFO"
    log_format: Literal["json", "console"] = "json"

    @property
    def origin(self) -> str:
        parts = urlsplit(str(self.public_url))
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def origins(self) -> list[str]:
        """Where pages that open a socket may come from: our own address, by either of its local names."""
        by_number = self.origin.replace("//localhost", "//127.0.0.1")
        by_name = self.origin.replace("//127.0.0.1", "//localhost")
        return sorted({self.origin, by_number, by_name})

    @property
    def is_https(self) -> bool:
        return self.public_url.scheme == "https"
