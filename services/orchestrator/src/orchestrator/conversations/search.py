"""Full-text search over a person's own messages: SQLite's FTS5 or PostgreSQL's text search behind one interface.

Both index `message_texts.words`, which holds words as `conversations.words` folds them, so both find the same.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Select, Text, column, func, literal_column, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.conversations.models import ConversationRow, MessageTextRow
from orchestrator.conversations.words import Query, folded, snippet
from shared.service_tokens import Principal
from shared.wire.api import SearchHit

MAX_CHARACTERS = 200_000
"""Of one message that can be found; PostgreSQL takes a megabyte of words at most."""

MAX_RANKED = 1_000
"""Of the messages that contain the words, so many of the newest are compared on PostgreSQL, which reads each for it."""

Role = Literal["person", "assistant"]

_FTS5 = table("message_words", column("rowid"), column("message_words"), column("rank"))
_SIMPLE = literal_column("'simple'::regconfig", Text())


async def add_message(
    session: AsyncSession, conversation_id: str, turn_id: str, role: Role, text: str, at: datetime
) -> None:
    """Let a message be found, unless its conversation is temporary."""
    conversation = await session.get(ConversationRow, conversation_id)
    if conversation is None or conversation.temporary or not text.strip():
        return
    # PostgreSQL stores no NUL. A model may say one all the same, and its answer must not fail for that.
    text = text[:MAX_CHARACTERS].replace("\0", " ")
    session.add(
        MessageTextRow(
            conversation_id=conversation_id,
            turn_id=turn_id,
            role=role,
            text=text,
            words=folded(text)[:MAX_CHARACTERS],
            at=at,
        )
    )
    await session.flush()


async def search_messages(
    session: AsyncSession, query: Query, owner: Principal, *, limit: int
) -> list[SearchHit]:
    """The person's messages that contain every word of the query, best first, newer ones before equally good ones."""
    own = (
        select(MessageTextRow, ConversationRow.title)
        .join(ConversationRow, ConversationRow.conversation_id == MessageTextRow.conversation_id)
        .where(
            ConversationRow.tenant_id == owner.tenant,
            ConversationRow.owner_id == owner.subject,
            ConversationRow.temporary.is_(False),
        )
    )
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    found = (_in_fts5 if is_sqlite else _in_postgresql)(own, query.words)
    rows = await session.execute(found.order_by(MessageTextRow.message_id.desc()).limit(limit))
    return [
        SearchHit(
            conversation_id=message.conversation_id,
            title=title,
            turn_id=message.turn_id,
            role=_ROLES[message.role],
            at=message.at,
            snippet=snippet(message.text, query),
        )
        for message, title in rows
    ]


_ROLES: dict[str, Role] = {"person": "person", "assistant": "assistant"}


def _in_fts5(own: Select[MessageTextRow, str], words: Sequence[str]) -> Select[MessageTextRow, str]:
    # Words are letters and digits only, and quoted all the same: `AND` or `NEAR` is a word here, not an operator.
    match = " ".join(f'"{word}"' for word in words) + "*"
    return (
        own.join(_FTS5, _FTS5.c.rowid == MessageTextRow.message_id)
        .where(_FTS5.c.message_words.match(match))
        .order_by(_FTS5.c.rank)
    )


def _in_postgresql(
    own: Select[MessageTextRow, str], words: Sequence[str]
) -> Select[MessageTextRow, str]:
    query = func.to_tsquery(_SIMPLE, " & ".join(f"'{word}'" for word in words) + ":*")
    vector: Any = func.to_tsvector(_SIMPLE, MessageTextRow.words)
    newest = (
        own.with_only_columns(MessageTextRow.message_id)
        .where(vector.bool_op("@@")(query))
        .order_by(MessageTextRow.message_id.desc())
        .limit(MAX_RANKED)
    )
    return own.where(MessageTextRow.message_id.in_(newest)).order_by(
        func.ts_rank(vector, query).desc()
    )
