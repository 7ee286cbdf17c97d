"""The configuration: which accounts there are, whose they are, and what may be sent to whom."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    EmailStr,
    Field,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from shared.config_file import Secret, Strict, load, naming_mistakes
from shared.service_tokens import Principal

NAME = r"^[a-z][a-z0-9_-]{0,40}$"
Security = Literal["tls", "starttls", "plain"]
"""plain is accepted for loopback addresses only."""


class OAuth(Strict):
    """XOAUTH2: a refresh token that gives access tokens (RFC 6749 section 6)."""

    token_url: str
    client_id: str
    client_secret: Secret | None = None
    refresh_token: Secret
    scope: str = ""


class Server(Strict):
    """An IMAP or SMTP server and how to sign in there."""

    host: str
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """None: the protocol's own for the kind of security."""
    security: Security = "tls"
    user: str = ""
    password: Secret | None = None
    oauth: OAuth | None = None
    ca_file: Path | None = None
    """Certificates to trust beside the system's."""
    timeout_s: Annotated[PositiveFloat, Field(le=300)] = 20.0

    @model_validator(mode="after")
    def _is_sound(self) -> "Server":
        if self.password and self.oauth:
            raise ValueError("give one of password and oauth")
        if self.security == "plain" and self.host not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError("security may be plain on this machine only; use tls or starttls")
        return self


class Limits(Strict):
    """How much may be sent and read. All are told by get_mail_policy."""

    recipients: PositiveInt = 20
    attachments: PositiveInt = 10
    attachment_bytes: PositiveInt = 5 * 1024 * 1024
    mail_bytes: PositiveInt = 10 * 1024 * 1024
    body_bytes: PositiveInt = 1024 * 1024
    sends_a_minute: PositiveInt = 10
    """Of one person."""
    sends_a_day: PositiveInt = 100
    new_domains_a_day: PositiveInt = 3
    """Domains that this person never wrote to before."""
    a_day_to_one: PositiveInt = 20
    """Mails of one person to one address."""
    read_bytes: PositiveInt = 25 * 1024 * 1024
    """A mail larger than this is listed, and its parts are read one by one up to this size."""
    confirmation_s: PositiveFloat = 600.0


class Policy(Strict):
    """Who may be written to."""

    allow: list[str] | None = None
    """Addresses ("ada@example.org") and domains ("example.org", "*.example.org"). None: anybody; empty: nobody."""
    own_domains: list[str] = Field(default_factory=list)
    """Not called external. Empty: the domain of the account."""


def _in_tenant(told: str) -> str:
    tenant, _, name = told.partition("/")
    if not tenant.strip() or not name.strip() or "/" in name:
        raise ValueError("write tenant/name, both not empty, with one slash")
    return told


InTenant = Annotated[str, AfterValidator(_in_tenant)]
"""A person or a role of one tenant. One slash: a name that has another in it is nobody's, so no two are one."""


class Account(Strict):
    """One mailbox."""

    kind: Literal["server", "embedded"] = "server"
    """embedded: kept here, one for every person; what is sent stays here."""
    address: EmailStr | None = None
    """Who mails come from. Embedded: made from the person's name."""
    name: str = ""
    reply_to: EmailStr | None = None
    people: list[InTenant] = Field(default_factory=list)
    """`tenant/subject` of whose it is."""
    roles: list[InTenant] = Field(default_factory=list)
    """`tenant/role` of who else may use it. Both empty: nobody, unless it is embedded."""
    imap: Server | None = None
    smtp: Server | None = None
    keep_sent: bool = True
    """Put a copy into the sent folder. False where the mail server does it by itself."""
    policy: Policy = Field(default_factory=Policy)
    limits: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_sound(self) -> "Account":
        if self.kind == "server" and (self.imap is None or self.address is None):
            raise ValueError("an account of kind server needs address and imap (and smtp, to send)")
        if self.kind == "embedded" and (self.imap or self.smtp):
            raise ValueError("an embedded account has no imap and smtp")
        return self

    def belongs_to(self, caller: Principal) -> bool:
        """Whether this caller may use it."""
        if self.kind == "embedded" and not self.people and not self.roles:
            return True
        roles = {f"{caller.tenant}/{role}" for role in caller.roles}
        return f"{caller.tenant}/{caller.subject}" in self.people or not roles.isdisjoint(
            self.roles
        )


class Config(Strict):
    """The whole file."""

    limits: Limits = Field(default_factory=Limits)
    accounts: Annotated[dict[Annotated[str, Field(pattern=NAME)], Account], Field(min_length=1)]
    templates: Path | None = None
    """A folder of templates."""

    def limits_of(self, account: str) -> Limits:
        """The server's limits with what this account says instead."""
        return Limits.model_validate(self.limits.model_dump() | self.accounts[account].limits)


def embedded_config() -> Config:
    """For first runs: one embedded mailbox for every person."""
    return Config(accounts={"mailbox": Account(kind="embedded")})


def load_config(path: Path) -> Config:
    """Read the file. Paths in it are relative to its folder. Raises BadSetup."""
    config = load(path, Config, paths={"file", "ca_file", "templates"})
    with naming_mistakes(f"{path}, limits"):
        for name in config.accounts:
            config.limits_of(name)
    return config
