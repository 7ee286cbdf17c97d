"""What a verified caller is to a rule: the values that filters and actions bind, never taken from an argument."""

from collections.abc import Iterable

from shared.service_tokens import Principal

CLAIM = "claim_"
RESERVED = frozenset({"tenant", "subject"})


def is_reserved(name: str) -> bool:
    """Names that stand for the caller, so that no parameter may have them."""
    return name in RESERVED or name.startswith(CLAIM)


def values_of(caller: Principal, names: Iterable[str]) -> dict[str, str | None]:
    """The values of :tenant, :subject and :claim_NAME for a caller. A claim that the token does not make is None."""
    known: dict[str, str | None] = {"tenant": caller.tenant, "subject": caller.subject}
    return {
        name: caller.claims.get(name.removeprefix(CLAIM)) if name.startswith(CLAIM) else known[name]
        for name in names
        if is_reserved(name)
    }
