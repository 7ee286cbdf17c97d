"""Short-lived tokens with which a key reaches the orchestrator or one of our tool servers."""

import secrets

from frontend.accounts.queries import Person
from frontend.parts import parts
from shared.errors import InvalidInput, NotAllowed
from shared.scopes import allows, in_order, within_roles
from shared.service_tokens import AT_JWT

LIFETIME_S = 300
ORCHESTRATOR = "orchestrator"


def token_for(key: Person, audience: str, scope: str) -> tuple[str, str]:
    """The token, and the scopes it has: those asked for, or all that the key has and the audience knows.

    Raises:
        InvalidInput: an unknown audience. NotAllowed: the key has not the scope, or none of use there.
    """
    held = key.scopes or frozenset[str]()
    known = _known_at(audience, key)
    asked = frozenset(scope.split()) or frozenset(one for one in held if allows(known, [one]))
    if not asked or not allows(known, asked) or not allows(held, asked):
        raise NotAllowed("This key has no such scope there. Make one with the scopes it needs.")
    if audience == ORCHESTRATOR:
        return parts().orchestrator.token_for(key, LIFETIME_S), in_order(asked)
    issued_at_s = int(parts().now().timestamp())
    claims = {
        "iss": parts().settings.issuer,
        "aud": audience,
        "sub": key.person_id,
        "exp": issued_at_s + LIFETIME_S,
        "iat": issued_at_s,
        "jti": secrets.token_urlsafe(16),
        "client_id": key.person_id,
        "scope": in_order(asked),
        "tenant": key.tenant_id,
        "roles": list(key.roles),
        "tier": key.tier,
        "name": key.name,
    }
    return parts().key.sign(claims, token_type=AT_JWT), in_order(asked)


def _known_at(audience: str, key: Person) -> frozenset[str]:
    if audience == ORCHESTRATOR:
        return frozenset({"chat"})
    resource = parts().settings.resources.get(audience)
    if resource is None:
        known = [ORCHESTRATOR, *sorted(parts().settings.resources)]
        raise InvalidInput("There is no such audience.", audiences=[*known])
    return within_roles(resource.scopes, key.roles)
