"""Reads a tool server's TOML configuration: strict, with secrets elsewhere and mistakes named by their place."""

import os
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from shared.errors import BadSetup


class Strict(BaseModel):
    """A section of the file: immutable, and refused with a name it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Section = TypeVar("Section", bound=Strict)


class Secret(Strict):
    """Where a secret stands: in the environment or in a file, never in the configuration."""

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _is_one_place(self) -> "Secret":
        if (self.env is None) == (self.file is None):
            raise ValueError("give one of env and file")
        return self

    def read(self, what: str, environment: Mapping[str, str] = os.environ) -> str:  # noqa: TID251 - the file names the variable
        """The secret. Raises BadSetup when it is not there, naming `what` it is."""
        if self.env is not None:
            value = environment.get(self.env, "")
            if not value:
                raise BadSetup(f"{what} is read from the variable {self.env}, which is not set.")
            return value
        assert self.file is not None  # noqa: S101 - one of the two is
        try:
            return self.file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetup(f"{what} cannot be read from {self.file}: {error}.") from None


def load(path: Path, model: type[Section], *, paths: Collection[str]) -> Section:
    """Read the file as this model. Values of the keys in `paths` are relative to the file's folder.

    Raises:
        BadSetup: naming the file, the place in it and what is wrong, without the value.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetup(f"The configuration {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetup(f"{path} is not TOML: {error}.") from None
    try:
        return model.model_validate(_absolute(content, path.parent.absolute(), frozenset(paths)))
    except ValidationError as error:
        raise BadSetup(f"{path}, {first_mistake(error)}.") from None


def first_mistake(error: ValidationError) -> str:
    """Where the first mistake is and what is wrong there, without the value."""
    detail = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in detail["loc"])
    message = detail["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _absolute(content: Any, folder: Path, paths: frozenset[str]) -> Any:
    if not isinstance(content, dict):
        return content
    return {
        key: str(folder / value)
        if key in paths and isinstance(value, str)
        else _absolute(value, folder, paths)
        for key, value in cast("dict[str, Any]", content).items()
    }
