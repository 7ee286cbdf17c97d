"""A broken policy file: one sentence that names the place and what to do."""

import hashlib
from pathlib import Path

import pytest

from orchestrator.policy.reading import BadPolicy, read_policy
from orchestrator.policy_file import load_policy

HEAD = '[[rule]]\nname = "first"\nverdict = "ask"\nreason = "Because."\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it has no rules; write at least one [[rule]]."),
        ("rule = ", "it is not TOML: Invalid value (at end of document); correct that place."),
        ('[[rule]]\nname = "first"\n', "rule 1 “first” (line 1): “verdict” is missing; add it."),
        (HEAD + 'when.sever = "x"', "rule 1 “first” (line 1): “when.sever” is not known; did you mean “server”?"),
        (HEAD + "when.arguments.to.0.equals = 1", "rule 1 “first” (line 1): “when.arguments.to.0” is not known; "
         "known here are equals, one_of, starts_with, matches, present (a path with dots stands in quotes)."),
        ("rules = 1\n" + HEAD, "“rules” is not known; did you mean “rule”?"),
        (HEAD + "when.own = 1.5", "rule 1 “first” (line 1): “when.own”: should be a valid boolean."),
        (HEAD + "when = 1", "rule 1 “first” (line 1): “when” should be a table; write it as one."),
        (HEAD + "\n" + HEAD, "rule 2 “first” (line 6): “first” is there already; give it another name."),
        (HEAD.replace("first", "unknown_tool"), "rule 1 “unknown_tool” (line 1): the name “unknown_tool” is taken; "
         "choose another."),
        (HEAD.replace('"ask"', '"run"'), "rule 1 “first” (line 1): it would run every call without asking; "
         "add a condition under `when`."),
        (HEAD + 'approver_roles = ["admin"]', "rule 1 “first” (line 1): approver_roles belong to ask_second_person, "
         "which needs at least one; say whose yes is needed, or use another verdict."),
        (HEAD + 'when.arguments.a.matches = "(a+)+"', "rule 1 “first” (line 1): “when.arguments.a.matches”: it repeats "
         "a group, which can take very long; repeat single characters or [sets]."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(BadPolicy) as caught:
        read_policy(text.encode())
    assert str(caught.value) == sentence


def test_text_that_is_not_utf_8_is_named_by_its_line() -> None:
    with pytest.raises(BadPolicy, match="line 2 is not UTF-8"):
        read_policy(b"# fine\n# \xff\n")


def test_a_huge_file_is_not_read() -> None:
    with pytest.raises(BadPolicy, match="larger than 256 KB"):
        read_policy(b"#" * (256 * 1024 + 1))


def test_the_file_is_named_and_its_hash_is_kept(tmp_path: Path) -> None:
    absent = tmp_path / "absent.toml"
    with pytest.raises(BadPolicy, match=r"absent\.toml cannot be read"):
        load_policy(absent)
    broken = tmp_path / "broken.toml"
    broken.write_text("rule = 3")
    with pytest.raises(BadPolicy, match=r"broken\.toml cannot be used"):
        load_policy(broken)
    good = tmp_path / "good.toml"
    content = HEAD.replace("\n", "\r\n").encode()
    good.write_bytes(content)
    loaded = load_policy(good)
    assert [rule.name for rule in loaded.rules] == ["first"]
    assert loaded.sha256 == hashlib.sha256(content).hexdigest()
