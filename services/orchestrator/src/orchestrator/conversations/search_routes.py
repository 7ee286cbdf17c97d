"""Search over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query

from orchestrator.conversations.search import search_messages
from orchestrator.conversations.words import Query as Words
from orchestrator.deps import Caller, Db
from shared.errors import InvalidInput
from shared.wire.api import SearchResults

MAX_QUERY_CHARACTERS = 200

router = APIRouter(prefix="/v1/search", tags=["conversations"])


@router.get("")
async def search(
    caller: Caller,
    db: Db,
    q: Annotated[
        str,
        Query(
            max_length=MAX_QUERY_CHARACTERS,
            description="Words that must all occur; the last one may be unfinished.",
            examples=["release notes"],
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> SearchResults:
    """Your questions and their answers that contain every word, best first. Temporary conversations are left out."""
    words = Words.parse(q)
    if not words.words:
        raise InvalidInput("Type at least one word or number to search for.")
    async with db.reading() as session:
        return SearchResults(hits=await search_messages(session, words, caller, limit=limit))
