"""How every HTTP API of ours answers an error."""

from pydantic import BaseModel, ConfigDict, JsonValue


class ErrorFacts(BaseModel):
    """What went wrong. `code` never changes its meaning; `message` is for people."""

    model_config = ConfigDict(frozen=True, json_schema_mode_override="serialization")

    code: str
    message: str
    retryable: bool
    details: dict[str, JsonValue] = {}


class ErrorAnswer(BaseModel):
    """Every error, of whatever operation."""

    model_config = ConfigDict(frozen=True, json_schema_mode_override="serialization")

    error: ErrorFacts
