"""A grant must still hold when the call under it is about to be sent."""

from datetime import UTC, datetime

from orchestrator.grants.matching import StandingGrant
from orchestrator.turns.granting import GRANT_ENDED, granted, why_not_granted
from shared.wire.events import CallProposed, Verdict

GRANT = StandingGrant(
    grant_id="grant_1",
    server="tracker",
    tool="set_status",
    definition_hash="a",
    definition={},
    arguments={},
    created_at=datetime(2026, 11, 21, 12, tzinfo=UTC),
    expires_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
)


def proposed(grant_id: str | None) -> CallProposed:
    return CallProposed(
        n=1,
        first=1,
        call_id="call_1",
        server="tracker",
        tool="set_status",
        title="Set status",
        arguments={},
        read_only=False,
        repeatable=False,
        verdict=Verdict.RUN,
        rule="standing_grant",
        reason="",
        grant_id=grant_id,
    )


def test_a_call_whose_grant_has_ended_meanwhile_is_not_sent() -> None:
    assert why_not_granted(proposed("grant_1"), [GRANT]) is None
    assert why_not_granted(proposed("grant_1"), []) is GRANT_ENDED
    assert why_not_granted(proposed(None), []) is None


def test_since_when_and_until_when_is_told_in_the_persons_time_zone() -> None:
    told = granted(GRANT, "Europe/Berlin").reason
    assert told == (
        "You said yes to calls like this on 21 November 2026, 13:00 CET, "
        "for all until 22 November 2026, 13:00 CET."
    )
    assert "12:00 UTC" in granted(GRANT, "../etc/passwd").reason
