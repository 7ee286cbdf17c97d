"""The orchestrator's settings, read once at start."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    IPvAnyNetwork,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    field_validator,
)
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings

DEFAULT_OPENAI_MODEL = "gpt-5-mini"
DEMO_MODEL = "steward-demo"


class ToolServerSettings(BaseModel):
    """One MCP server we connect to. Its key is our name for it, never its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: HttpUrl
    audience: HttpUrl | None = None
    """What our tokens for it name, where that is not `url`: other agents reach it at another address."""
    own: bool = False
    """True for our own servers: their annotations are believed. Others' hints only tighten."""
    timeout_s: PositiveFloat = 60.0
    origin: Literal["document", "web", "mail", "database", "tool"] = "tool"
    """What kind of texts its results are, as it is shown to people."""
    trusted_text: bool = False
    """True only where no stranger can write into what it answers with. Untrusted text in a turn makes every later
    call that changes something need a yes."""


class ModelSettings(BaseModel):
    """Which OpenAI-compatible server answers, and as what."""

    model_config = ConfigDict(frozen=True)

    base_url: str | None
    """None: the OpenAI library's own default."""
    api_key: SecretStr
    model: str
    is_demo: bool


class PolicySettings(ServiceSettings):
    """What `steward policy` needs to know: the rules in effect, and which servers are ours."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", env_prefix="ORCHESTRATOR_"
    )

    policy_file: Path | None = None
    """The rules of what runs, asks and is refused (TOML). None: those that are shipped."""
    tool_servers: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,15}$")], ToolServerSettings
    ] = Field(default_factory=dict)


class Settings(PolicySettings):
    """Environment variables with the prefix ORCHESTRATOR_, and three that every OpenAI client knows."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_ignore_empty=True,
        extra="ignore",
        env_prefix="ORCHESTRATOR_",
        populate_by_name=True,
    )

    database_url: str
    """sqlite+aiosqlite:////absolute/path or postgresql+asyncpg://..."""
    redis_url: str | None = None
    """None: one process, events stay in memory."""
    key_file: Path
    """The private keys (JWK, or a set of them) that sign tokens for tool servers."""
    issuer: str
    """What tool servers know us as: our own base URL."""
    trusted_issuers: dict[str, HttpUrl]
    """Whose tokens we accept: issuer → address of its key set."""
    public_url: HttpUrl | None = None
    """Where browsers find the frontend: sign-in services send people back there."""
    secret_file: Path | None = None
    """Secrets of at least 32 random characters, one a line, under the first of which people's tokens for other servers
    are sealed. None, or no `public_url`: servers of others cannot be added."""
    reachable_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks in which added servers may be although they are not public, also without https. For development."""
    demo_model_url: str | None = None
    """The built-in demo model, which answers while no key and no base URL is set."""

    openai_api_key: Annotated[SecretStr | None, Field(validation_alias="OPENAI_API_KEY")] = None
    openai_base_url: Annotated[HttpUrl | None, Field(validation_alias="OPENAI_BASE_URL")] = None
    steward_model: Annotated[str | None, Field(validation_alias="STEWARD_MODEL")] = None

    log_level: str = "INFO"
    log_format: Literal["json", "console"] = "json"

    approval_lifetime_s: PositiveInt = 3_600
    temporary_lifetime_s: PositiveInt = 86_400
    """A temporary conversation is deleted so long after its last activity."""
    lease_s: PositiveFloat = 10.0
    """A turn whose replica is silent for so long is taken over by another."""
    sweep_interval_s: PositiveFloat = 1.0
    reader_patience_s: PositiveFloat = 20.0
    """A reader that takes nothing for so long is cut off; a page catches up by itself."""
    max_model_replies: PositiveInt = 8
    """Rounds of model and tools in one turn."""
    max_calls: PositiveInt = 24
    """Tool calls in one turn."""
    max_reply_characters: PositiveInt = 200_000
    context_tokens: PositiveInt = 32_000
    """What the model is sent at most, estimated at four characters a token."""
    token_timeout_s: PositiveFloat = 60.0
    """The longest silence of a model: until its reply begins, and between two chunks of it."""
    reply_timeout_s: PositiveFloat = 600.0
    model_attempts: PositiveInt = 3
    """Tries at a reply before the turn fails, each for the request and for a reply that breaks off."""
    coalesce_ms: Annotated[int, Field(ge=0, le=200)] = 25
    """Text that arrives within this window after the last event goes out as one event."""

    judge_citations: bool | None = None
    """Whether the model looks once more at sentences that seem not to be supported by what they cite, which costs
    tokens. None: a real model does, the demo model does not."""

    @field_validator("openai_api_key", mode="after")
    @classmethod
    def _blank_key_is_none(cls, key: SecretStr | None) -> SecretStr | None:
        if key is None or not key.get_secret_value().strip():
            return None
        if any(character.isspace() for character in key.get_secret_value().strip()):
            raise ValueError("it contains spaces or line breaks; paste the key alone")
        return SecretStr(key.get_secret_value().strip())

    @property
    def judges_citations(self) -> bool:
        """Raises ValueError like `model`."""
        return not self.model().is_demo if self.judge_citations is None else self.judge_citations

    def model(self) -> ModelSettings:
        """What answers. Raises ValueError when neither a provider nor the demo model is configured."""
        if self.openai_base_url is not None or self.openai_api_key is not None:
            if self.openai_base_url is not None and self.steward_model is None:
                raise ValueError(
                    "STEWARD_MODEL is not set: name the model that OPENAI_BASE_URL serves."
                )
            return ModelSettings(
                base_url=None if self.openai_base_url is None else str(self.openai_base_url),
                api_key=self.openai_api_key
                or SecretStr("none"),  # local servers want no key, the SDK wants one
                model=self.steward_model or DEFAULT_OPENAI_MODEL,
                is_demo=False,
            )
        if self.demo_model_url is None:
            raise ValueError(
                "No model is configured: set OPENAI_API_KEY, or OPENAI_BASE_URL and STEWARD_MODEL."
            )
        return ModelSettings(
            base_url=self.demo_model_url,
            api_key=SecretStr("demo"),
            model=self.steward_model or DEMO_MODEL,
            is_demo=True,
        )
