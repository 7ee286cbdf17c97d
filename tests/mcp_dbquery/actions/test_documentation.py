"""The example of docs/actions.md does what it says, through the real protocol."""

import re
import shutil
from pathlib import Path

from support.dbquery import Desk, open_desk
from support.tool_calls import said

DOCUMENT = Path(__file__).parents[3] / "docs" / "actions.md"
BUSIEST = """
SELECT projects.key, people.name, people.email, count(*) FROM tasks JOIN projects ON projects.id = tasks.project_id
JOIN people ON people.id = assignee_id WHERE tasks.status <> 'done' GROUP BY 1, 2, 3 HAVING count(*) BETWEEN 2 AND 20
ORDER BY 4 DESC, 1, 2 LIMIT 1
"""


async def test_the_documented_action_previews_does_and_explains_itself(
    sample: Path, tmp_path: Path
) -> None:
    shutil.copy(sample, tmp_path / "sample.db")
    (example,) = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (tmp_path / "actions.toml").write_text(example)
    async with open_desk(tmp_path, tmp_path / "actions.toml", roles=["member"]) as desk:
        key, name, email, open_tasks = (await desk.query(BUSIEST))["rows"][0]
        other_name, other_email = await _somebody_else(desk, email)
        arguments = {"project": key, "from_person": email, "to_person": other_email}

        preview = await desk.call("preview_hand_over_tasks", arguments)
        assert preview.structured_content is not None, said(preview)
        assert preview.structured_content["summary"].startswith(f"Hand {open_tasks} open tasks in ")
        assert preview.structured_content["summary"].endswith(": no reason given")
        assert len(preview.structured_content["changes"]) == open_tasks
        assert preview.structured_content["changes"][0]["old"] == name
        assert preview.structured_content["changes"][0]["new"] == f"{other_name} ({other_email})"

        done = await desk.call("hand_over_tasks", arguments, key="k")
        assert done.structured_content is not None, said(done)
        assert done.structured_content["summary"].startswith(f"{open_tasks} tasks in ")
        notes = await desk.query("SELECT count(*) FROM comments WHERE body LIKE 'Handed over:%'")
        assert notes["rows"] == [[open_tasks]]
        assert "has no open tasks" in said(await desk.call("hand_over_tasks", arguments))

        misspelt = {**arguments, "to_person": f"{other_name}x"}
        assert f"Did you mean {other_name}" in said(await desk.call("hand_over_tasks", misspelt))


async def test_a_model_is_told_what_it_must_give_and_what_will_happen(
    tmp_path: Path, sample: Path
) -> None:
    shutil.copy(sample, tmp_path / "sample.db")
    (example,) = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (tmp_path / "actions.toml").write_text(example)
    async with open_desk(tmp_path, tmp_path / "actions.toml", roles=["member"]) as desk:
        tools = {tool.name: tool for tool in (await desk.client.list_tools()).tools}
    tool = tools["hand_over_tasks"]
    assert tool.description is not None
    assert (
        "Touches 1 to 50, then 1 to 50 rows of the database, or nothing at all" in tool.description
    )
    assert "For the roles: owner, member." in tool.description
    assert tool.input_schema["required"] == ["project", "from_person", "to_person"]
    assert tool.input_schema["properties"]["reason"]["default"] == "no reason given"
    assert "which must fit exactly one" in tool.input_schema["properties"]["project"]["description"]
    assert tool.annotations is not None
    assert (tool.annotations.read_only_hint, tool.annotations.destructive_hint) == (False, True)
    assert (tool.meta or {})["io.steward/preview"] == "preview_hand_over_tasks"


async def _somebody_else(desk: Desk, email: str) -> tuple[str, str]:
    unique = await desk.query(
        "SELECT name, email FROM people WHERE email <> :email GROUP BY name HAVING count(*) = 1 ORDER BY 1",
        params={"email": email},
    )
    name, other = unique["rows"][0]
    return name, other
