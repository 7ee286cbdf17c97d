"""How the providers are described that people can sign in with."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from frontend.accounts.roles import Role
from shared.config_file import Secret, Strict, naming_mistakes, read_toml

ProviderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Newcomers = Literal["refused", "own_organisation", "first_organisation"]
Domain = Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,253}$")]

GOOGLE = "https://accounts.google.com"
GITHUB = "https://github.com"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Provider(Strict):
    """One of them. Register `/sign-in/from/NAME` there, and `/sign-in/ended/NAME` for back-channel logout."""

    kind: Literal["oidc", "google", "github"] = "oidc"
    """oidc: found by discovery at its issuer. github is plain OAuth 2.0; only verified addresses are taken from it."""
    label: Annotated[str, Field(max_length=60)] = ""
    """What the button says; empty: the kind's or the provider's name."""
    issuer: str = ""
    """Its address, exactly as its tokens name it. Needed for oidc; of github, another GitHub server's."""
    api: str = ""
    """Of github on a server of your own: where its API is."""
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Secret | None = None
    """None: a public client, held by PKCE alone."""
    scopes: list[str] = Field(default_factory=lambda: ["openid", "email", "profile"])
    trusted_domains: list[Domain] = Field(default_factory=list)
    """A verified address there is proof enough to be connected to the account with the same address."""
    newcomers: Newcomers = "refused"
    """What becomes of people without an account whose address is verified."""
    newcomer_domains: list[Domain] = Field(default_factory=list)
    """Only for addresses there; empty: for all."""
    newcomer_role: Literal[Role.SUPPORT, Role.MEMBER, Role.VISITOR] = Role.MEMBER
    """In the first organisation."""

    @model_validator(mode="after")
    def _is_sound(self) -> "Provider":
        if self.kind == "oidc" and not self.issuer:
            raise ValueError("an oidc provider needs its issuer")
        for address in filter(None, (self.issuer, self.api)):
            _check_address(address)
        if self.kind == "oidc" and "openid" not in self.scopes:
            raise ValueError("scopes must have openid")
        # Anybody can have an account at Google and GitHub.
        is_open = self.kind != "oidc" and not self.newcomer_domains
        if self.newcomers == "first_organisation" and is_open:
            raise ValueError("say in newcomer_domains whose people may join")
        return self

    def vouches_for(self, domain: str) -> bool:
        """Whether its word that somebody has an address in the domain is taken.

        Of any provider only as far as the settings name domains; Google and GitHub have mailed there themselves.
        """
        if self.kind != "oidc" or domain in {*self.trusted_domains, *self.newcomer_domains}:
            return True
        return self.newcomers != "refused" and not self.newcomer_domains

    @property
    def issuer_url(self) -> str:
        """The issuer of this provider's people."""
        return self.issuer or {"google": GOOGLE, "github": GITHUB}[self.kind]

    def name_for_people(self, name: str) -> str:
        return self.label or {"google": "Google", "github": "GitHub"}.get(self.kind, name.title())


class _File(Strict):
    providers: dict[ProviderName, Provider]


def read_providers(path: Path) -> dict[str, Provider]:
    """Of a TOML file: one table for each, by name. Raises BadSetup."""
    with naming_mistakes(str(path)):
        return dict(
            _File.model_validate({"providers": read_toml(path, "file of providers")}).providers
        )


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    is_local = parts.scheme == "http" and parts.hostname in LOOPBACK
    if (
        not parts.hostname
        or parts.query
        or parts.fragment
        or not (parts.scheme == "https" or is_local)
    ):
        raise ValueError("an address must begin with https:// (http:// for this machine only)")
