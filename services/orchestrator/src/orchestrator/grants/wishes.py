"""From an approved call and the wish to have it for longer to what the grant covers. Pure."""

from collections.abc import Mapping

from pydantic import JsonValue

from orchestrator.grants.matching import fits
from shared.errors import InvalidInput
from shared.wire.api import ArgumentPattern, GrantWish


def patterns_for(
    wish: GrantWish, approved: Mapping[str, JsonValue], *, destructive: bool
) -> dict[str, ArgumentPattern]:
    """The approved arguments, each pinned to its value unless the wish lets it vary.

    Raises:
        InvalidInput: it names an argument that the call does not have, does not fit the call itself, or is too wide.
    """
    for name, pattern in wish.vary.items():
        if name not in approved:
            raise InvalidInput(
                f"“{name}” cannot vary: the approved call has no such argument. "
                f"It has {', '.join(sorted(approved)) or 'none'}."
            )
        if not fits(pattern, approved[name]):
            raise InvalidInput(
                f"What “{name}” may be does not include the value just approved. Widen it, or leave it pinned."
            )
    anything = [name for name, pattern in wish.vary.items() if pattern.anything]
    if destructive and anything:
        raise InvalidInput(
            f"This tool can delete or overwrite, so “{anything[0]}” cannot be left open. "
            "Say which values it may have."
        )
    if approved and len(anything) == len(approved):
        raise InvalidInput(
            "This would allow every call of the tool. Pin at least one argument or say which values it may have."
        )
    pinned = {name: ArgumentPattern(equals=value) for name, value in approved.items()}
    return {**pinned, **wish.vary}
