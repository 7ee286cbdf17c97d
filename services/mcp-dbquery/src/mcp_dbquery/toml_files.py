"""Reads TOML files of the server's owner: strictly, with mistakes named by their place."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mcp_dbquery.errors import BadSetup


class Strict(BaseModel):
    """A section of a file: immutable, and refused with a name it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """A file's content. Raises BadSetup: `what` it is cannot be read, or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetup(f"The {what} {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetup(f"{path} is not TOML: {error}.") from None


def first_mistake(error: ValidationError) -> str:
    """Where the first mistake is and what is wrong there, without the value."""
    detail = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in detail["loc"])
    message = detail["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
