"""The policy as a table."""

import pytest

from orchestrator.policy.rules import ToolTraits, judge
from shared.wire.events import Verdict

MEMBER, VISITOR = frozenset({"member"}), frozenset({"visitor"})


@pytest.mark.parametrize(
    ("own", "reads", "destroys", "roles", "verdict", "rule"),
    [
        (True, True, False, MEMBER, Verdict.RUN, "own_reads_run"),
        (True, True, False, VISITOR, Verdict.RUN, "own_reads_run"),
        (True, True, True, MEMBER, Verdict.RUN, "own_reads_run"),
        (True, False, False, MEMBER, Verdict.ASK, "writes_ask"),
        (True, False, True, MEMBER, Verdict.ASK, "destructive_asks"),
        (True, False, False, VISITOR, Verdict.REFUSE, "role_may_not_change"),
        (False, True, False, MEMBER, Verdict.ASK, "server_not_trusted"),
        (False, False, True, MEMBER, Verdict.ASK, "server_not_trusted"),
        (False, True, False, VISITOR, Verdict.REFUSE, "role_may_not_change"),
        (True, False, False, frozenset[str](), Verdict.REFUSE, "role_may_not_change"),
    ],
)
def test_what_becomes_of_a_call(
    own: bool, reads: bool, destroys: bool, roles: frozenset[str], verdict: Verdict, rule: str
) -> None:
    judgement = judge(ToolTraits(own, reads, destroys), roles)
    assert (judgement.verdict, judgement.rule) == (verdict, rule)
    assert judgement.reason
