"""What a key can be allowed, in words for people: our own API, and whatever the tool servers know."""

from shared import scopes

OWN_SCOPES = {
    "chat": "Ask questions and read its own conversations. Tools are used as its role may.",
    "people:read": "List the people of the organisation. Its role must be admin or owner.",
    "people:write": "Change roles, disable, enable and remove people. Its role must be admin or owner.",
}
KEY_SCOPES = {**OWN_SCOPES, **scopes.WORDS}
PATTERN = rf"^({'|'.join(OWN_SCOPES)}|{scopes.PATTERN})$"
"""Of every scope that a key can have."""


def is_scope(scope: str) -> bool:
    """Whether a key can have it."""
    return scope in OWN_SCOPES or scopes.is_known(scope)
