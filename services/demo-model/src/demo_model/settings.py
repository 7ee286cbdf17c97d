"""The demo model's settings, read once at start."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Environment variables with the prefix DEMO_MODEL_."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", env_prefix="DEMO_MODEL_"
    )

    word_delay_ms: Annotated[int, Field(ge=0, le=1_000)] = 15
    """Pause between words of a streamed demo answer."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
