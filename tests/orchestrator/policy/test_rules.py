"""What becomes of a call: the shipped rules as a table, and what holds for any rules whatsoever."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from orchestrator.policy.conditions import ArgumentCondition, ToolTraits, ToolUse, When
from orchestrator.policy.rules import STRICTNESS, Policy, Rule
from orchestrator.policy_file import load_policy
from shared.wire.events import Verdict

MEMBER, VISITOR = frozenset({"member"}), frozenset({"visitor"})
DEFAULT = load_policy(None)


def use(
    *,
    own: bool = True,
    reads: bool = False,
    destroys: bool = False,
    roles: frozenset[str] = MEMBER,
    tainted: bool = False,
    tool: str = "set_status",
    arguments: dict[str, JsonValue] | None = None,
) -> ToolUse:
    traits = ToolTraits(own, reads, destroys)
    return ToolUse("tracker", tool, traits, arguments or {}, roles, tainted)


def rule(name: str, verdict: Verdict, **when: Any) -> Rule:
    approvers = ["admin"] if verdict is Verdict.ASK_SECOND_PERSON else []
    return Rule(
        name=name,
        verdict=verdict,
        reason="Because.",
        approver_roles=approvers,
        when=When.model_validate(when),
    )


def policy(*rules: Rule) -> Policy:
    return Policy(rules, sha256="0" * 64)


@pytest.mark.parametrize(
    ("call", "verdict", "rule"),
    [
        (use(reads=True), Verdict.RUN, "own_reads_run"),
        (use(reads=True, roles=VISITOR), Verdict.RUN, "own_reads_run"),
        (use(reads=True, destroys=True), Verdict.RUN, "own_reads_run"),
        (use(reads=True, tainted=True), Verdict.RUN, "own_reads_run"),
        (use(), Verdict.ASK, "writes_ask"),
        (use(tainted=True), Verdict.ASK, "untrusted_text_asks"),
        (use(destroys=True), Verdict.ASK, "destructive_asks"),
        (use(roles=VISITOR), Verdict.REFUSE, "role_may_not_change"),
        (use(roles=VISITOR, tainted=True), Verdict.REFUSE, "role_may_not_change"),
        (use(roles=frozenset()), Verdict.REFUSE, "role_may_not_change"),
        (use(own=False, reads=True), Verdict.ASK, "server_not_trusted"),
        (use(own=False, destroys=True), Verdict.ASK, "server_not_trusted"),
        (use(own=False, reads=True, roles=VISITOR), Verdict.REFUSE, "role_may_not_change"),
        (use(own=False, reads=True, tainted=True), Verdict.ASK, "untrusted_text_asks"),
    ],
)
def test_what_becomes_of_a_call_by_the_shipped_rules(
    call: ToolUse, verdict: Verdict, rule: str
) -> None:
    judgement = DEFAULT.judge(call)
    assert (judgement.verdict, judgement.rule) == (verdict, rule)
    assert judgement.reason


@pytest.mark.parametrize(
    ("condition", "arguments", "fits"),
    [
        ({"equals": 42}, {"task": 42}, True),
        ({"equals": 42}, {"task": 42.0}, True),
        ({"equals": 1}, {"task": True}, False),
        ({"equals": "42"}, {"task": 42}, False),
        ({"equals": 42}, {}, False),
        ({"equals": [1, {"a": 2}]}, {"task": [1, {"a": 2}]}, True),
        ({"equals": [1, {"a": 2}]}, {"task": [1, {"a": True}]}, False),
        ({"one_of": ["a", "b"]}, {"task": "b"}, True),
        ({"one_of": ["a", "b"]}, {"task": "c"}, False),
        ({"starts_with": "docs/"}, {"task": "docs/x"}, True),
        ({"starts_with": "docs/"}, {"task": "doc"}, False),
        ({"starts_with": "docs/"}, {"task": ["docs/x"]}, False),
        ({"matches": r".*@example\.com"}, {"task": "ada@example.com"}, True),
        ({"matches": r".*@example\.com"}, {"task": "ada@example.com.evil.test"}, False),
        ({"matches": r".*secret.*"}, {"task": "a\nsecret\nplan"}, True),
        ({"matches": r"(?i)admin"}, {"task": "ADMIN"}, True),
        ({"present": True}, {"task": None}, True),
        ({"present": True}, {}, False),
        ({"present": False}, {}, True),
        ({"present": False}, {"task": None}, False),
    ],
)
def test_a_condition_on_an_argument(
    condition: dict[str, Any], arguments: dict[str, JsonValue], fits: bool
) -> None:
    only = policy(rule("only", Verdict.RUN, arguments={"task": condition}))
    assert (only.judge(use(arguments=arguments)).rule == "only") is fits


def test_a_dotted_path_goes_through_objects_and_lists() -> None:
    condition = {"mail.to.1": ArgumentCondition(equals="bob")}
    only = policy(rule("only", Verdict.REFUSE, arguments=condition))
    assert only.judge(use(arguments={"mail": {"to": ["ada", "bob"]}})).rule == "only"
    assert only.judge(use(arguments={"mail": {"to": ["bob"]}})).rule != "only"
    assert only.judge(use(arguments={"mail": "to"})).rule != "only"


def test_tools_are_named_by_patterns_and_servers_by_their_key() -> None:
    some = policy(rule("some", Verdict.RUN, server="tracker", tool=["get_*", "list_?"]))
    judged = {name: some.judge(use(tool=name)).rule for name in ("get_task", "list_1", "set_get_")}
    assert judged == {"get_task": "some", "list_1": "some", "set_get_": "no_rule_fits"}
    assert some.judge(replace(use(tool="get_task"), server="other")).rule == "no_rule_fits"


def test_text_too_long_for_a_pattern_counts_the_strictest_way() -> None:
    long = use(arguments={"body": "x" * 501})
    runs = rule("runs", Verdict.RUN, arguments={"body": {"matches": "x*"}})
    asks = rule("asks", Verdict.ASK, arguments={"body": {"matches": "x*"}})
    second = rule("second", Verdict.ASK_SECOND_PERSON, own=True)
    refuses = rule("refuses", Verdict.REFUSE, arguments={"body": {"matches": "y*"}})
    assert policy(runs, second).judge(long).rule == "second"
    assert policy(asks, second).judge(long).rule == "second"
    assert policy(asks, runs, rule("all", Verdict.RUN, own=True)).judge(long).rule == "asks"
    assert policy(runs, refuses).judge(long).rule == "refuses"


def test_a_yes_is_not_given_for_longer_when_untrusted_text_asks_even_below_another_rule() -> None:
    below = policy(
        rule("writes", Verdict.ASK, read_only=False), rule("taint", Verdict.ASK, tainted=True)
    )
    assert below.judge(use()).may_grant is True
    assert below.judge(use(tainted=True)).rule == "writes"
    assert below.judge(use(tainted=True)).may_grant is False
    assert policy(rule("two", Verdict.ASK_SECOND_PERSON)).judge(use()).may_grant is False


ROLES = ["owner", "member", "visitor"]
booleans = st.booleans()
arguments = st.dictionaries(
    st.sampled_from(["a", "b"]),
    st.none() | booleans | st.integers(0, 3) | st.sampled_from(["x", "xy", "z" * 501]),
    max_size=2,
)
uses = st.builds(
    ToolUse,
    server=st.sampled_from(["tracker", "other"]),
    tool=st.sampled_from(["get_task", "set_task"]),
    traits=st.builds(ToolTraits, booleans, booleans, booleans, booleans, booleans),
    arguments=arguments,
    roles=st.frozensets(st.sampled_from(ROLES)),
    tainted=booleans,
)
argument_conditions = st.one_of(
    st.integers(0, 3).map(lambda value: {"equals": value}),
    st.just({"one_of": ["x", 1]}),
    st.just({"starts_with": "x"}),
    st.sampled_from(["x+", "z*"]).map(lambda pattern: {"matches": pattern}),
    booleans.map(lambda value: {"present": value}),
)
conditions = st.fixed_dictionaries(
    {},
    optional={
        "server": st.sampled_from(["tracker", "other"]),
        "own": booleans,
        "tool": st.sampled_from(["get_*", "*task"]),
        "read_only": booleans,
        "destructive": booleans,
        "idempotent": booleans,
        "open_world": booleans,
        "role_any_of": st.lists(st.sampled_from(ROLES), min_size=1),
        "role_none_of": st.lists(st.sampled_from(ROLES), min_size=1),
        "tainted": booleans,
        "arguments": st.dictionaries(
            st.sampled_from(["a", "b"]), argument_conditions, min_size=1, max_size=2
        ),
    },
)


def _policy_of(parts: list[tuple[Verdict, dict[str, Any]]]) -> Policy:
    return policy(
        *(
            rule(f"rule_{number}", verdict, **(when or {"own": True}))
            for number, (verdict, when) in enumerate(parts)
        )
    )


policies = st.lists(
    st.tuples(st.sampled_from(list(Verdict)), conditions), min_size=1, max_size=8
).map(_policy_of)


@given(policies, uses, st.randoms(use_true_random=False))
def test_a_refusal_wins_whatever_the_order(rules: Policy, call: ToolUse, random: Any) -> None:
    shuffled = list(rules.rules)
    random.shuffle(shuffled)
    before, after = rules.judge(call).verdict, policy(*shuffled).judge(call).verdict
    assert (before is Verdict.REFUSE) == (after is Verdict.REFUSE)


@given(
    policies, uses, st.builds(ToolTraits, st.just(False), booleans, booleans, booleans, booleans)
)
def test_what_a_foreign_server_says_of_its_tools_never_loosens(
    rules: Policy, call: ToolUse, claimed: ToolTraits
) -> None:
    silent = replace(call, traits=ToolTraits(False, read_only_hint=False, destructive_hint=True))
    talking = replace(call, traits=claimed)
    strictness = [STRICTNESS.index(rules.judge(each).verdict) for each in (silent, talking)]
    assert strictness[1] >= strictness[0]


@given(policies, uses)
def test_a_foreign_server_is_treated_at_least_as_strictly_as_if_it_were_believed(
    rules: Policy, call: ToolUse
) -> None:
    foreign = replace(call, traits=replace(call.traits, own_server=False))
    believing = policy(*(rule for rule in map(_believe(foreign.traits), rules.rules) if rule))
    verdicts = [rules.judge(foreign).verdict, believing.judge(foreign).verdict]
    assert STRICTNESS.index(verdicts[0]) >= STRICTNESS.index(verdicts[1])


def _believe(traits: ToolTraits) -> Callable[[Rule], Rule | None]:
    """Settles a rule's conditions on hints by what the server says: None when one of them fails."""
    said = {
        "read_only": traits.read_only_hint,
        "destructive": traits.destructive_hint,
        "idempotent": traits.idempotent_hint,
        "open_world": traits.open_world_hint,
    }

    def settle(rule: Rule) -> Rule | None:
        wanted = {name: getattr(rule.when, name) for name in said}
        if any(value not in {None, said[name]} for name, value in wanted.items()):
            return None
        when = rule.when.model_copy(update=dict.fromkeys(said))
        return rule.model_copy(update={"when": when})

    return settle


@given(policies, uses)
def test_the_same_call_gets_the_same_answer(rules: Policy, call: ToolUse) -> None:
    assert rules.judge(call) == policy(*rules.rules).judge(replace(call)) == rules.judge(call)


@given(policies, uses)
def test_what_no_rule_fits_is_asked(rules: Policy, call: ToolUse) -> None:
    elsewhere = [
        rule.model_copy(update={"when": rule.when.model_copy(update={"server": ["elsewhere"]})})
        for rule in rules.rules
    ]
    judgement = policy(*elsewhere).judge(call)
    assert (judgement.verdict, judgement.rule) == (Verdict.ASK, "no_rule_fits")
