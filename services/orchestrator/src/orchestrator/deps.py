"""What routes are handed: who calls, the database, the clock.

Identity comes from the verified token and nowhere else. The application puts its parts on `app.state`; each layer
asks for its own there, so that no feature has to know the whole.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from orchestrator.database import Database
from shared.errors import NotAllowed, NotSignedIn
from shared.scopes import REMOVAL
from shared.service_tokens import Principal, TokenVerifier

_bearer = HTTPBearer(
    auto_error=False,
    description="A token for the audience `orchestrator`; `make token` prints one.",
)


async def _verified(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    if credentials is None:
        raise NotSignedIn("This needs a bearer token in the Authorization header.")
    verifier = cast(TokenVerifier, request.app.state.verifier)
    return await verifier.verify(credentials.credentials)


async def _principal(verified: Annotated[Principal, Depends(_verified)]) -> Principal:
    if REMOVAL in verified.scopes:
        raise NotAllowed("This token is for deleting what is kept, and for nothing else.")
    return verified


async def _remover(verified: Annotated[Principal, Depends(_verified)]) -> Principal:
    if verified.scopes != frozenset({REMOVAL}):
        raise NotAllowed("Only the frontend deletes this, when its time is over.")
    return verified


def _database(request: Request) -> Database:
    return cast(Database, request.app.state.database)


def _now(request: Request) -> datetime:
    clock = cast("Callable[[], datetime]", request.app.state.now)
    return clock()


Caller = Annotated[Principal, Depends(_principal)]
"""The verified person a request is made for."""
Remover = Annotated[Principal, Depends(_remover)]
"""The frontend's purge, for the tenant that its token names. Nobody's person, key or agent."""
PathId = Annotated[str, Path(min_length=1, max_length=64)]
"""An id of ours in a path."""
ServerKey = Annotated[str, Path(min_length=1, max_length=16)]
"""What we call a tool server."""
Db = Annotated[Database, Depends(_database)]
Now = Annotated[datetime, Depends(_now)]
