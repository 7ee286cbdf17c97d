"""The rules in effect: read over HTTP by those who may, and a file of one's own decides."""

import os
import subprocess
import sys
from pathlib import Path

from support.models import ScriptedModel, calls
from support.world import World, one

from orchestrator.policy_file import load_policy
from shared.wire.api import PolicyInEffect
from shared.wire.events import ApprovalNeeded, CallFinished, CallProposed, CallState, Verdict

SET_42 = calls(("tracker__set_status", '{"task_id": 42, "status": "done"}'))
SET_43 = calls(("tracker__set_status", '{"task_id": 43, "status": "done"}'))

OWN_RULES = """
[[rule]]
name = "task_42_runs"
verdict = "run"
reason = "Task 42 is the sandbox."
when.own = true
when.tool = "set_*"
when.arguments.task_id.equals = 42

[[rule]]
name = "nobody_touches_43"
verdict = "refuse"
reason = "Task 43 is frozen."
when.arguments.task_id.equals = 43
"""


async def test_owners_and_admins_read_the_rules_and_their_hash(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])):
        answer = await world.api("bob", roles=["admin"]).request("GET", "/v1/policy")
        refused = await world.api("eve", roles=["member"]).request("GET", "/v1/policy")
    told = PolicyInEffect.model_validate(answer.json())
    shipped = load_policy(None)
    assert (told.sha256, told.is_default) == (shipped.sha256, True)
    assert [rule.name for rule in told.rules] == [rule.name for rule in shipped.rules]
    assert told.rules[1].when == {"read_only": False, "tainted": True}
    assert refused.status_code == 403


async def test_a_file_of_ones_own_replaces_the_shipped_rules(world: World, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(OWN_RULES)
    model = ScriptedModel([[SET_42], ["Done."], [SET_43], ["It is frozen."]])
    async with world.orchestrator(model, policy_file=file):
        ran = await world.api().answer("Set task 42 to done")
        refused = await world.api().answer("Set task 43 to done", client_id="client-0002")
        policy = (await world.api().request("GET", "/v1/policy")).json()
    assert one(ran, CallProposed).rule == "task_42_runs"
    assert one(ran, CallFinished).state is CallState.SUCCEEDED
    assert one(refused, CallProposed).verdict is Verdict.REFUSE
    assert one(refused, CallProposed).reason == "Task 43 is frozen."
    assert [write[:2] for write in world.tracker.writes] == [(42, "done")]
    assert policy["is_default"] is False


async def test_the_rules_hold_for_what_people_change_too(world: World, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(OWN_RULES.replace('verdict = "run"', 'verdict = "ask"'))
    async with world.orchestrator(ScriptedModel([[SET_42], ["All right."]]), policy_file=file):
        api = world.api()
        async with api.ask("Set task 42 to done") as reader:
            needed = await reader.until(ApprovalNeeded)
            to_43 = {"task_id": 43, "status": "done"}
            await api.decide(needed.call_id, "approve", arguments=to_43)
            events = await reader.rest()
    finished = one(events, CallFinished)
    assert finished.state is CallState.FAILED
    assert finished.error is not None
    assert finished.error.code == "nobody_touches_43"
    assert finished.error.message == "As it was changed, it may not run. Task 43 is frozen."
    assert world.tracker.writes == []


def test_a_broken_file_stops_the_start_with_one_sentence(world: World, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(OWN_RULES.replace("refuse", "refused"))
    settings = world.make_settings()
    environment = {
        "ORCHESTRATOR_DATABASE_URL": settings.database_url,
        "ORCHESTRATOR_KEY_FILE": str(settings.key_file),
        "ORCHESTRATOR_ISSUER": settings.issuer,
        "ORCHESTRATOR_TRUSTED_ISSUERS": "{}",
        "ORCHESTRATOR_DEMO_MODEL_URL": "http://127.0.0.1:9/v1",
        "ORCHESTRATOR_POLICY_FILE": str(file),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "orchestrator", "serve", "--http", "127.0.0.1:0"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        f"The policy file {file} cannot be used: rule 2 “nobody_touches_43” (line 10): “verdict”: "
        "should be 'run', 'ask', 'ask_second_person' or 'refuse'."
    ]
