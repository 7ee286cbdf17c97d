"""What a person may set for `make run`: in `.env` or in the environment, which wins."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings

DATABASE_SCHEMES = (
    "sqlite:///",
    "postgresql://",
    "postgres://",
    "mysql://",
    "mariadb://",
)


class LauncherSettings(ServiceSettings):
    """Blank variables count as unset."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_ignore_empty=True,
        extra="ignore",
        env_prefix="STEWARD_",
        env_file=".env",
        populate_by_name=True,
    )

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8080
    tool_ports: Annotated[int, Field(ge=0, le=65_533)] = 8091
    """The tool servers listen at this port and the two after it, so that other agents find them again; at free ones
    where those are taken. 0: at free ones."""
    var: Path = Path("var")
    """Where databases, keys and logs are kept."""
    database_url: str | None = None
    """The database the assistant may ask. None: the sample project tracker."""
    actions_file: Path | None = None
    """What it may change there (TOML). None: nothing; the sample has its own."""
    databases_file: Path | None = None
    """Several databases with their rules (TOML, mcp-dbquery's configuration), instead of the two before."""
    mail_file: Path | None = None
    """The mail accounts (TOML, mcp-email's configuration). None: a mailbox for everybody that no mail leaves."""
    smtp_url: SecretStr | None = None
    """Where mails about accounts go: smtp://user:password@host:port or smtps://… None: into the embedded mailboxes."""
    mail_from: str = "Steward <steward@localhost>"
    """Who they come from."""
    sign_in_file: Path | None = None
    """Where people can sign in beside here (TOML, docs/people.md). None: nowhere."""
    registration: Literal["refused", "own_organisation", "first_organisation"] = "refused"
    """What becomes of people who make an account by themselves."""
    tenants_made_by: Literal["installation", "everybody"] = "installation"
    """Who may create organisations: the owners of the first one, or everybody who is signed in."""
    invitations_a_minute: Annotated[int, Field(ge=1)] = 10
    """How many each organisation makes, and how often each address or account may try one."""
    search_file: Path | None = None
    """The web and documents (TOML, mcp-search's configuration). None: DuckDuckGo, and a few sample documents."""
    policy_file: Path | None = None
    """The rules of which tool calls run, ask and are refused (TOML). None: the shipped ones."""
    reachable_networks: str | None = None
    """Networks (JSON list) in which added tool servers may be although they are not public. For development."""
    redis_url: str | None = None
    """None: a Valkey of our own."""
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    model: str | None = None
    openai_api_key: Annotated[SecretStr | None, Field(validation_alias="OPENAI_API_KEY")] = None
    openai_base_url: Annotated[str | None, Field(validation_alias="OPENAI_BASE_URL")] = None
    approval_lifetime_s: Annotated[int, Field(ge=1, le=30 * 86_400)] = 3_600
    """How long a question to a person stays open."""
    demo_scripts: bool = False
    """Let tests tell the demo model what to say."""

    @field_validator("openai_api_key", "openai_base_url", "model", mode="before")
    @classmethod
    def _blank_is_unset(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("openai_api_key")
    @classmethod
    def _key_is_one_word(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value().split()) != 1:
            raise ValueError("it contains spaces or line breaks; paste the key alone")
        return key

    @field_validator("openai_base_url")
    @classmethod
    def _base_url_is_http(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError(
                "it must begin with http:// or https://, such as http://127.0.0.1:11434/v1"
            )
        return url

    @field_validator("database_url")
    @classmethod
    def _database_is_supported(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(DATABASE_SCHEMES):
            raise ValueError(
                "it must be sqlite:////absolute/path.db, postgresql://user@host/name or mysql://user@host/name"
            )
        return url

    @field_validator(
        "actions_file", "databases_file", "mail_file", "sign_in_file", "search_file", "policy_file"
    )
    @classmethod
    def _file_exists(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(f"there is no file {path}")
        return path

    @field_validator("redis_url")
    @classmethod
    def _redis_url_is_one(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("redis://", "rediss://")):
            raise ValueError("it must begin with redis:// or rediss://")
        return url

    @property
    def uses_demo_model(self) -> bool:
        return self.openai_api_key is None and self.openai_base_url is None

    @property
    def url(self) -> str:
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared, not bound
        return f"http://{host}:{self.port}"
