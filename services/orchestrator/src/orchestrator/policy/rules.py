"""Which calls run, which are asked about and which are refused. Unknown means ask. Pure."""

from dataclasses import dataclass

from shared.wire.events import Verdict

MAY_CHANGE_THINGS = frozenset({"owner", "admin", "support", "member"})


@dataclass(frozen=True, slots=True)
class ToolTraits:
    """What is known of a tool when a call of it is judged."""

    own_server: bool
    """Hints of servers that are not ours may only tighten."""
    read_only_hint: bool
    destructive_hint: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a call, by which rule, and why in words for the person."""

    verdict: Verdict
    rule: str
    reason: str
    approver_roles: tuple[str, ...] = ()
    """Who may be the second person, when one must say yes."""


def judge(tool: ToolTraits, roles: frozenset[str]) -> Judgement:
    """The first rule that fits decides; they stand from strict to lenient."""
    reads_only = tool.own_server and tool.read_only_hint
    if not reads_only and not roles & MAY_CHANGE_THINGS:
        return Judgement(
            Verdict.REFUSE,
            "role_may_not_change",
            "Your role may look things up, but not change them.",
        )
    if not tool.own_server:
        return Judgement(
            Verdict.ASK,
            "server_not_trusted",
            "This tool belongs to a server we cannot vouch for, so every call needs your yes.",
        )
    if tool.destructive_hint and not tool.read_only_hint:
        return Judgement(
            Verdict.ASK,
            "destructive_asks",
            "This deletes or overwrites something, so it needs your yes.",
        )
    if not tool.read_only_hint:
        return Judgement(Verdict.ASK, "writes_ask", "This changes something, so it needs your yes.")
    return Judgement(Verdict.RUN, "own_reads_run", "Looking something up runs without asking.")
