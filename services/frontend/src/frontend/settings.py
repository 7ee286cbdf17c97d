"""The frontend's settings, read once at start."""

from ipaddress import IPv4Network, IPv6Network
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
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import SettingsConfigDict

from frontend.sign_in.provider_config import Newcomers, Provider, ProviderName
from shared.settings import ServiceSettings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Resource(BaseModel):
    """A tool server to which agents can be let in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80)]
    """As people are told of it."""
    scopes: Annotated[list[str], Field(min_length=1, max_length=100)]
    """The rights that there are."""


class RegisteredClient(BaseModel):
    """An agent that the administrators vouch for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80)]
    redirect_uris: list[str] = Field(default_factory=list)
    secret_sha256: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")] = ""
    """The SHA-256 of its secret, of at least 32 random characters; empty: it has none (`frontend client-secret`)."""
    introspects: list[str] = Field(default_factory=list)
    """Addresses of tool servers of which it may ask what a token is good for."""


ClientId = Annotated[str, Field(pattern="^[A-Za-z0-9._-]{1,100}$")]


class Settings(ServiceSettings):
    """Environment variables with the prefix FRONTEND_."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", env_prefix="FRONTEND_"
    )

    database_url: str
    """sqlite:////absolute/path or postgresql+psycopg://..."""
    redis_url: str
    key_file: Path
    """The private keys (JWK, or a set of them) that sign tokens for the orchestrator and for tool servers."""
    secret_key_file: Path
    """Signs CSRF tokens; the same on every replica."""
    issuer: str
    """What the orchestrator knows us as."""
    public_url: HttpUrl
    """Where browsers find us."""
    orchestrator_url: HttpUrl
    session_days: PositiveInt = 14
    sign_in_attempts_a_minute: PositiveInt = 5
    """For each account; ten times as many for each address."""
    sign_in_burst: PositiveInt = 10
    registration: Newcomers = "refused"
    """Who may make an account by mail: nobody, or anybody, with an organisation of their own or as a member of ours.
    The first one, who becomes the owner, and whoever is invited always may."""
    oidc_providers: dict[ProviderName, Provider] = Field(default_factory=dict)
    """Where people can sign in beside here, by name (JSON; `provider_config.Provider`)."""
    oidc_file: Path | None = None
    """The same as a TOML file with a table for each provider; it wins over those of the same name."""
    smtp_url: SecretStr | None = None
    """smtp://host[:port], with STARTTLS unless the host is this machine, or smtps://. May hold user and password.
    None: no mail is sent, and nothing is offered that needs it."""
    smtp_password_file: Path | None = None
    """The password, if it is not to stand in the address."""
    smtp_ca_file: Path | None = None
    """Certificates to trust beside the system's."""
    mail_from: str = "Steward <steward@localhost>"
    mails_an_hour: PositiveInt = 6
    """To one address."""
    shared_reads_a_minute: PositiveInt = 60
    """How often each address may open shared conversations."""
    invitations_a_minute: PositiveInt = 10
    """How many each organisation makes, and how often each address or account may try one."""
    tenants_made_by: Literal["installation", "everybody"] = "installation"
    """Who may create organisations: the owners of the first one, or everybody who is signed in."""
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
    resources: dict[str, Resource] = Field(default_factory=dict)
    """Our tool servers, for which other agents and keys get tokens, by address; empty: none can be let in."""
    clients: dict[ClientId, RegisteredClient] = Field(default_factory=dict)
    """Agents that are set up here, by their id."""
    client_documents: bool = True
    """Whether agents may name themselves by the address of a document, which is then read."""
    client_document_networks: list[IPv4Network | IPv6Network] = Field(default_factory=list)
    """Networks where such documents may be although they are not public: for development (127.0.0.0/8)."""
    dynamic_registration: bool = False
    """Whether agents may register themselves (RFC 7591): for clients that know nothing better."""
    agent_days: PositiveInt = 30
    """An agent that was not used for so long must ask again."""
    agent_consents_a_minute: PositiveInt = 30
    """Consent pages, for each person."""
    agent_requests_a_minute: PositiveInt = 300
    """Requests of agents for tokens, for each address."""
    agent_registrations_a_minute: PositiveInt = 5
    """For each address."""
    log_level: str = "INFO"
    log_format: Literal["json", "console"] = "json"

    @field_validator("resources")
    @classmethod
    def _agents_find_us(
        cls, resources: dict[str, Resource], info: ValidationInfo
    ) -> dict[str, Resource]:
        """Agents look our metadata up at the issuer's address (RFC 8414 section 3), over TLS."""
        public_url: HttpUrl | None = info.data.get("public_url")
        if resources and public_url is not None:
            if info.data.get("issuer") != _origin(public_url):
                raise ValueError(
                    "it needs FRONTEND_ISSUER to be FRONTEND_PUBLIC_URL without a slash at its end"
                )
            if public_url.scheme != "https" and (public_url.host or "").strip("[]") not in LOOPBACK:
                raise ValueError("it needs FRONTEND_PUBLIC_URL to be https")
        return resources

    @property
    def origin(self) -> str:
        return _origin(self.public_url)

    @property
    def origins(self) -> list[str]:
        """Where pages that open a socket may come from: our own address, by either of its local names."""
        by_number = self.origin.replace("//localhost", "//127.0.0.1")
        by_name = self.origin.replace("//127.0.0.1", "//localhost")
        return sorted({self.origin, by_number, by_name})

    @property
    def is_https(self) -> bool:
        return self.public_url.scheme == "https"


def _origin(url: HttpUrl) -> str:
    parts = urlsplit(str(url))
    return f"{parts.scheme}://{parts.netloc}"
