"""Reads a tool server's TOML configuration: strict, with secrets elsewhere and mistakes named by their place."""

import os
import tomllib
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, model_validator

from shared.errors import BadSetup

KEY_CHARACTERS = 32
"""The least of a key that seals what leaves the server: as many as a key of 256 bits has bytes."""


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
        return read_secret(self.file, what)


def read_secret(file: Path, what: str) -> str:
    """The text of a file. Raises BadSetup: it cannot be read, naming `what` it is."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetup(f"{what} cannot be read from {file}: {error}.") from None


def read_key(what: str, given: SecretStr | None, file: Path | None) -> str | None:
    """A key that the settings give, or a file of it, which wins. None: neither.

    Raises:
        BadSetup: the file cannot be read, or the key is shorter than KEY_CHARACTERS.
    """
    if file is not None:
        key = read_secret(file, what)
    elif given is not None:
        key = given.get_secret_value()
    else:
        return None
    if len(key) < KEY_CHARACTERS:
        raise BadSetup(f"{what} must have at least {KEY_CHARACTERS} characters.")
    return key


def load(path: Path, model: type[Section], *, paths: Collection[str] = ()) -> Section:
    """Read the file as this model. Values of the keys in `paths` are relative to the file's folder.

    Raises:
        BadSetup: naming the file, the place in it and what is wrong, without the value.
    """
    content = _absolute(read_toml(path), path.parent.absolute(), frozenset(paths))
    with naming_mistakes(str(path)):
        return model.model_validate(content)


def read_toml(path: Path, what: str = "configuration") -> dict[str, Any]:
    """A file's content. Raises BadSetup: `what` it is cannot be read, or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetup(f"The {what} {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetup(f"{path} is not TOML: {error}.") from None


@contextmanager
def naming_mistakes(place: str) -> Generator[None]:
    """Raises BadSetup for what is validated inside: the place, where in it and what is wrong, without the value."""
    try:
        yield
    except ValidationError as error:
        raise BadSetup(f"{place}: {_first_mistake(error)}.") from None


def _first_mistake(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in detail["loc"])
    message = detail["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _absolute(content: Any, folder: Path, paths: frozenset[str]) -> Any:
    if isinstance(content, list):
        return [_absolute(one, folder, paths) for one in cast("list[Any]", content)]
    if not isinstance(content, dict):
        return content
    return {
        key: str(folder / value)
        if key in paths and isinstance(value, str)
        else _absolute(value, folder, paths)
        for key, value in cast("dict[str, Any]", content).items()
    }
