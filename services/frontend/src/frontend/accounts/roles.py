"""What somebody can be in a tenant."""

from enum import StrEnum


class Role(StrEnum):
    """From the one who may do most to the one who may do least."""

    OWNER = "owner"
    ADMIN = "admin"
    SUPPORT = "support"
    MEMBER = "member"
    VISITOR = "visitor"
