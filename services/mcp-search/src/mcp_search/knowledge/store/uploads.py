"""Steps on how much people add: counted where all replicas look, so that they count together."""

from datetime import datetime

from mcp_search.knowledge.store.rows import instant, moment
from mcp_search.knowledge.store.steps import Ask, Steps


def count_upload(
    tenant: str, subject: str, at: datetime, since: datetime, most: int
) -> Steps[datetime | None]:
    """What is older is forgotten, whoever's it is."""
    yield Ask("DELETE FROM upload WHERE uploaded_at <= :since", {"since": instant(since)})
    person = {"tenant": tenant, "subject": subject}
    [(count, first)] = yield Ask(
        "SELECT count(*), min(uploaded_at) FROM upload WHERE tenant = :tenant AND subject = :subject",
        person,
    )
    if count >= most:
        return moment(first)
    yield Ask(
        "INSERT INTO upload (tenant, subject, uploaded_at) VALUES (:tenant, :subject, :at)",
        {**person, "at": instant(at)},
    )
    return None
