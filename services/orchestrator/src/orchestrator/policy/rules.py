"""Which calls run, which are asked about and which are refused, by the rules of a policy file. Pure.

A refusal wins wherever it stands; otherwise the first rule that fits decides; nothing fits: ask. Where it cannot be
known whether a rule fits, both are thought through and the stricter outcome counts. So what a server that is not ours
says about its tools can never make a verdict more lenient.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr, model_validator

from orchestrator.policy.conditions import Finding, Match, ToolUse, When
from shared.wire.events import Verdict

RESERVED_NAMES = frozenset(
    {
        "arguments_do_not_fit",
        "arguments_not_json",
        "definition_changed",
        "no_rule_fits",
        "retry_asks",
        "standing_grant",
        "too_many_calls",
        "unknown_tool",
    }
)
"""What decides without a rule of the file, so that records stay unambiguous."""

STRICTNESS = (Verdict.RUN, Verdict.ASK, Verdict.ASK_SECOND_PERSON, Verdict.REFUSE)
"""From lenient to strict."""

Role = Annotated[StrictStr, Field(min_length=1, max_length=64)]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a call, by which rule, and why in words for the person."""

    verdict: Verdict
    rule: str
    reason: str
    approver_roles: tuple[str, ...] = ()
    """Who may be the second person, when one must say yes."""
    may_grant: bool = False
    """Whether the yes may be given for longer: not while untrusted text is what makes us ask."""


NOTHING_FITS = Judgement(
    Verdict.ASK, "no_rule_fits", "No rule says that this may run, so it needs your yes."
)


class Rule(BaseModel):
    """One rule of a policy file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    verdict: Verdict
    reason: Annotated[StrictStr, Field(min_length=1, max_length=500)]
    """Told to the person, and for a refusal to the model."""
    approver_roles: Annotated[list[Role], Field(max_length=20)] = []
    when: When = When()

    @model_validator(mode="after")
    def _means_something(self) -> "Rule":
        if (self.verdict is Verdict.ASK_SECOND_PERSON) != bool(self.approver_roles):
            raise ValueError(
                "approver_roles belong to ask_second_person, which needs at least one; "
                "say whose yes is needed, or use another verdict"
            )
        if self.verdict is Verdict.RUN and not self.when.model_fields_set:
            raise ValueError("it would run every call without asking; add a condition under `when`")
        return self


@dataclass(frozen=True, slots=True)
class Explanation:
    """A judgement, and what was found out about each rule, in the order of the file."""

    judgement: Judgement
    findings: tuple[tuple[Rule, Finding], ...]

    @property
    def above(self) -> Sequence[tuple[Rule, Finding]]:
        """The rules that stand above the deciding one; all of them when none decided."""
        names = [rule.name for rule, _ in self.findings]
        decided_by = self.judgement.rule
        return self.findings[: names.index(decided_by)] if decided_by in names else self.findings


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in effect."""

    rules: tuple[Rule, ...]
    sha256: str
    """Of the file they stand in."""

    def judge(self, use: ToolUse) -> Judgement:
        """What becomes of a call. The same call gets the same answer."""
        return self.explain(use).judgement

    def explain(self, use: ToolUse) -> Explanation:
        """The judgement together with how each rule took part in it."""
        findings = tuple((rule, rule.when.find(use)) for rule in self.rules)
        return Explanation(_decide(findings), findings)


def is_stricter(one: Verdict, other: Verdict) -> bool:
    """Whether a verdict lets less happen than another."""
    return STRICTNESS.index(one) > STRICTNESS.index(other)


def _decide(findings: Sequence[tuple[Rule, Finding]]) -> Judgement:
    possible = _possible_outcomes(findings)
    decided = max(possible, key=lambda judgement: STRICTNESS.index(judgement.verdict))
    may_grant = decided.verdict is Verdict.ASK and not _asks_for_taint(findings)
    return replace(decided, may_grant=may_grant)


def _possible_outcomes(findings: Sequence[tuple[Rule, Finding]]) -> Iterator[Judgement]:
    """Refusals from anywhere, then what the first rule that fits says: several where that cannot be known."""
    for rule, finding in findings:
        if rule.verdict is Verdict.REFUSE and finding.match is not Match.NO:
            yield _judgement(rule)
    for rule, finding in findings:
        if finding.match is not Match.NO:
            yield _judgement(rule)
        if finding.match is Match.YES:
            return
    yield NOTHING_FITS


def _asks_for_taint(findings: Sequence[tuple[Rule, Finding]]) -> bool:
    """Wherever such a rule stands: one above it that asks for another reason must not hide it."""
    return any(
        rule.when.tainted and rule.verdict is not Verdict.RUN and finding.match is not Match.NO
        for rule, finding in findings
    )


def _judgement(rule: Rule) -> Judgement:
    return Judgement(rule.verdict, rule.name, rule.reason, tuple(rule.approver_roles))
