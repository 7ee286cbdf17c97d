"""`steward policy`: which rule decides on a call and why, and whether a file can be used."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from pydantic import JsonValue

from orchestrator.policy.conditions import Finding, Match, ToolTraits, ToolUse
from orchestrator.policy.rules import Explanation, Policy, Rule
from orchestrator.policy_file import load_policy
from orchestrator.settings import PolicySettings
from shared.settings import load


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add `explain` and `check`; each sets `run`, which gives the text to print."""
    commands = parser.add_subparsers(dest="policy_command", required=True)
    _add_explain(commands.add_parser("explain", help="which rule decides on a call, and why"))
    check = commands.add_parser("check", help="whether a policy file can be used")
    check.add_argument("file", type=Path, metavar="FILE")
    check.set_defaults(run=_check)


def _add_explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--server", required=True, help="our key of the server, such as tracker")
    parser.add_argument("--tool", required=True, help="the tool's name at its server")
    parser.add_argument(
        "--arguments", type=_json_object, default={}, metavar="JSON", help="default: none"
    )
    parser.add_argument(
        "--role", action="append", default=[], help="of the person; may be repeated; default: none"
    )
    parser.add_argument("--tainted", action="store_true", help="untrusted text is in the turn")
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument("--own", action="store_true", default=None, help="the server is ours")
    trust.add_argument("--foreign", dest="own", action="store_false", help="it is not")
    hints = parser.add_argument_group("what the tool says of itself", "what is not given is false")
    for hint in ("read-only", "destructive", "idempotent", "open-world"):
        hints.add_argument(f"--{hint}", action="store_true")
    parser.add_argument(
        "--policy",
        type=Path,
        metavar="FILE",
        help="default: ORCHESTRATOR_POLICY_FILE, or the rules that are shipped",
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=_explain)


def _json_object(text: str) -> dict[str, JsonValue]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"this is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError('a JSON object is needed, such as {"task_id": 42}')
    return cast("dict[str, JsonValue]", value)


def _check(arguments: argparse.Namespace) -> str:
    policy = load_policy(arguments.file)
    return f"{arguments.file} can be used: {len(policy.rules)} rules, SHA-256 {policy.sha256}.\n"


def _explain(arguments: argparse.Namespace) -> str:
    settings = load(PolicySettings)
    configured = settings.tool_servers.get(arguments.server)
    own = arguments.own if arguments.own is not None else bool(configured and configured.own)
    policy = load_policy(arguments.policy or settings.policy_file)
    traits = ToolTraits(
        own_server=own,
        read_only_hint=arguments.read_only,
        destructive_hint=arguments.destructive,
        idempotent_hint=arguments.idempotent,
        open_world_hint=arguments.open_world,
    )
    explanation = policy.explain(
        ToolUse(
            server=arguments.server,
            tool=arguments.tool,
            traits=traits,
            arguments=arguments.arguments,
            roles=frozenset(arguments.role),
            tainted=arguments.tainted,
        )
    )
    if arguments.json:
        return json.dumps(_as_json(explanation, policy), ensure_ascii=False, indent=2) + "\n"
    unknown = arguments.own is None and configured is None
    return "".join(f"{line}\n" for line in _lines(explanation, arguments.server, unknown=unknown))


def _lines(explanation: Explanation, server: str, *, unknown: bool) -> Iterator[str]:
    judgement = explanation.judgement
    yield f"{judgement.verdict}: {judgement.rule}"
    yield f"  {judgement.reason}"
    if judgement.approver_roles:
        yield f"  The yes must come from somebody else, with a role among {', '.join(judgement.approver_roles)}."
    if unknown:
        yield f"  “{server}” counts as not ours: it is not in ORCHESTRATOR_TOOL_SERVERS. Say --own if it is ours."
    if explanation.above:
        yield "Rules above:"
    for rule, finding in explanation.above:
        yield f"  {rule.name} ({rule.verdict}): {_in_words(finding)}"


def _in_words(finding: Finding) -> str:
    match finding.match:
        case Match.YES:
            return "fits, but is overruled"
        case Match.NO:
            return f"does not fit: {finding.why}"
        case Match.UNKNOWN:
            return f"may fit, but a stricter outcome counts: {finding.why}"


def _as_json(explanation: Explanation, policy: Policy) -> dict[str, JsonValue]:
    judgement = explanation.judgement
    return {
        "verdict": judgement.verdict,
        "rule": judgement.rule,
        "reason": judgement.reason,
        "approver_roles": list(judgement.approver_roles),
        "may_grant": judgement.may_grant,
        "policy_sha256": policy.sha256,
        "rules": [_rule_as_json(rule, finding) for rule, finding in explanation.findings],
    }


def _rule_as_json(rule: Rule, finding: Finding) -> dict[str, JsonValue]:
    return {
        "name": rule.name,
        "verdict": rule.verdict,
        "fits": finding.match.value,
        "why": finding.why,
    }
