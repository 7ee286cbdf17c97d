"""Reading settings from the environment once, with one clear sentence when a variable is wrong."""

import sys
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar

from pydantic import Field, HttpUrl, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.logs import LogFormat

ServiceSettingsT = TypeVar("ServiceSettingsT", bound="ServiceSettings")


class ServiceSettings(BaseSettings):
    """Base of each service's settings: frozen, empty variables count as unset, unknown ones are ignored."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore")


class ToolServerSettings(ServiceSettings):
    """Base of each tool server's settings: its configuration, and who may call it."""

    name: ClassVar[str]
    """What the server is called: its command, and in logs."""

    config: Path | None = None
    """TOML file of what is served and to whom (`--config` wins)."""

    resource_url: str
    """The audience that tokens must name: our own address, as clients use it."""
    issuers: dict[str, HttpUrl] = Field(default_factory=dict)
    """Whose tokens are accepted over HTTP: issuer → address of its key set."""
    authorization_servers: list[str] = Field(default_factory=list)
    """Those of the issuers at which other agents can be let in (OAuth 2.1): they are told of, and of the tokens that
    such an issuer signs only access tokens count."""
    allowed_hosts: list[str] = Field(default_factory=list)
    """Host headers to answer, beside loopback."""

    stdio_tenant: Annotated[str, Field(min_length=1)] = "local"
    """Who the local user is over stdio."""
    stdio_subject: Annotated[str, Field(min_length=1)] = "local"
    stdio_roles: list[str] = Field(default_factory=list)
    stdio_name: str = "Local User"

    log_level: str = "INFO"
    log_format: LogFormat = "json"


def variable_of(settings_type: type[ServiceSettings], name: str) -> str:
    """The environment variable of a setting without an alias."""
    return f"{settings_type.model_config.get('env_prefix', '')}{name}".upper()


def describe_problems(settings_type: type[ServiceSettings], error: ValidationError) -> list[str]:
    """One sentence per bad variable. The value itself is not repeated: it may be a secret."""
    problems: list[str] = []
    for detail in error.errors(include_input=False, include_url=False):
        name = str(detail["loc"][0]) if detail["loc"] else "settings"
        alias = (
            settings_type.model_fields[name].validation_alias
            if name in settings_type.model_fields
            else None
        )
        variable = (
            alias
            if isinstance(alias, str)
            else name
            if name.isupper()
            else variable_of(settings_type, name)
        )
        fact = "is not set" if detail["type"] == "missing" else f"is not usable: {detail['msg']}"
        problems.append(f"{variable} {fact}.")
    return problems


def load(settings_type: type[ServiceSettingsT]) -> ServiceSettingsT:
    """Read the settings from the environment.

    Raises:
        SystemExit: with status 2 after naming each bad variable on standard error.
    """
    try:
        return settings_type()
    except ValidationError as error:
        for problem in describe_problems(settings_type, error):
            sys.stderr.write(f"{problem}\n")
        sys.stderr.write("See .env.example for what each variable means.\n")
        raise SystemExit(2) from None
