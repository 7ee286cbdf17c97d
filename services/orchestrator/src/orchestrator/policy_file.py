"""Where the policy comes from: the file an operator named, or the one that is shipped."""

from importlib.resources import files
from pathlib import Path

from orchestrator.policy.reading import MAX_FILE_BYTES, BadPolicy, read_policy
from orchestrator.policy.rules import Policy

DEFAULT = "default.toml"


def load_policy(path: Path | None) -> Policy:
    """The policy in a file, or the shipped one when there is none to replace it.

    Raises:
        BadPolicy: the file cannot be read or used; the message names it, the place in it and what to do.
    """
    if path is None:
        return read_policy((files("orchestrator.policy") / DEFAULT).read_bytes())
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadPolicy(
            f"The policy file {path} cannot be read ({error.strerror}); name one that can."
        ) from None
    try:
        return read_policy(content)
    except BadPolicy as error:
        raise BadPolicy(f"The policy file {path} cannot be used: {error}") from None
