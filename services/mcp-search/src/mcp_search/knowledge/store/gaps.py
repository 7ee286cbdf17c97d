"""Steps on gaps: what was asked and not found."""

import secrets
from datetime import datetime

from mcp_search.errors import NotThere
from mcp_search.knowledge.model import Gap
from mcp_search.knowledge.store.rows import gap_of, instant
from mcp_search.knowledge.store.steps import Ask, Steps
from mcp_search.knowledge.store.words import folded

_COLUMNS = "tenant, id, question, asked_as, asked, first_asked_at, last_asked_at, state, answer_id"


def note_gap(tenant: str, question: str, at: datetime, asked_as: str) -> Steps[None]:
    """One that was settled stays so, and counts on, with the last words of a person that are known.

    What is made of signs alone is kept as it stands.
    """
    yield Ask(
        f"INSERT INTO gap (question_key, {_COLUMNS})"
        " VALUES (:question_key, :tenant, :id, :question, :asked_as, 1, :at, :at, 'open', '')"
        " ON CONFLICT (tenant, question_key) DO UPDATE SET asked = gap.asked + 1,"
        " asked_as = CASE WHEN :asked_as = '' THEN gap.asked_as ELSE :asked_as END,"
        " last_asked_at = CASE WHEN gap.last_asked_at < :at THEN :at ELSE gap.last_asked_at END",
        {
            "question_key": folded(question) or question,
            "tenant": tenant,
            "id": secrets.token_hex(16),
            "question": question,
            "asked_as": asked_as,
            "at": instant(at),
        },
    )


def gaps(tenant: str, state: str, limit: int) -> Steps[list[Gap]]:
    """Those asked most often first; of all states where `state` is empty."""
    rows = yield Ask(
        f"SELECT {_COLUMNS} FROM gap WHERE tenant = :tenant AND (:state = '' OR state = :state)"
        " ORDER BY asked DESC, last_asked_at DESC, id LIMIT :limit",
        {"tenant": tenant, "state": state, "limit": limit},
    )
    return [gap_of(row) for row in rows]


def settle_gap(tenant: str, gap_id: str, state: str, answer_id: str) -> Steps[None]:
    """Raises NotThere."""
    rows = yield Ask(
        "UPDATE gap SET state = :state, answer_id = :answer_id WHERE tenant = :tenant AND id = :id RETURNING id",
        {"tenant": tenant, "id": gap_id, "state": state, "answer_id": answer_id},
    )
    if not rows:
        raise NotThere("There is no such question.")


def open_again(tenant: str, answer_id: str) -> Steps[None]:
    """What a document answered, which is being removed."""
    yield Ask(
        "UPDATE gap SET state = 'open', answer_id = ''"
        " WHERE tenant = :tenant AND answer_id = :answer_id",
        {"tenant": tenant, "answer_id": answer_id},
    )


def open_again_of(tenant: str, collection: int) -> Steps[None]:
    """What the documents of a collection answered, by its number."""
    yield Ask(
        "UPDATE gap SET state = 'open', answer_id = '' WHERE tenant = :tenant AND answer_id IN"
        " (SELECT id FROM document WHERE tenant = :tenant AND collection = :collection)",
        {"tenant": tenant, "collection": collection},
    )
