"""Reading settings from the environment once, with one clear sentence when a variable is wrong."""

import sys
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

ServiceSettingsT = TypeVar("ServiceSettingsT", bound="ServiceSettings")


class ServiceSettings(BaseSettings):
    """Base of each service's settings: frozen, empty variables count as unset, unknown ones are ignored."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore")


def describe_problems(settings_type: type[ServiceSettings], error: ValidationError) -> list[str]:
    """One sentence per bad variable. The value itself is not repeated: it may be a secret."""
    prefix = settings_type.model_config.get("env_prefix", "")
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
            else f"{prefix}{name}".upper()
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
