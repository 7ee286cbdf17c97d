"""Uploads are counted for each person, until a day is over."""

from datetime import UTC, datetime, timedelta

from mcp_search.knowledge.store.store import SqlStore

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def test_uploads_are_counted_by_person_and_forgotten_in_time(store: SqlStore) -> None:
    async def count(tenant: str, subject: str, at: datetime) -> datetime | None:
        return await store.count_upload(tenant, subject, at, at - 24 * HOUR, 2)

    assert [await count("acme", "ada", NOON + n * HOUR) for n in range(3)] == [None, None, NOON]
    assert await count("acme", "bob", NOON) is None
    assert await count("rival", "ada", NOON) is None
    assert await count("acme", "ada", NOON + 24 * HOUR) is None
    assert await count("acme", "ada", NOON + 24 * HOUR) == NOON + HOUR
