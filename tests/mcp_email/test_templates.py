"""Templates: blanks are filled once, by name, and nothing a value holds does anything."""

from pathlib import Path

import pytest

from mcp_email.errors import BadContent
from mcp_email.templates import Template, load_templates
from shared.errors import BadSetup

WELCOME = """
description = "For new members"
subject = "Welcome, {{ name }}"
body = "Dear {{name}},\\nyour number is {{number}}.\\n"
html = "<p>Dear {{name}}, your number is <b>{{number}}</b>.</p>"
"""


@pytest.fixture
def welcome(tmp_path: Path) -> Template:
    (tmp_path / "welcome.toml").write_text(WELCOME)
    (tmp_path / "README.md").write_text("not a template")
    templates = load_templates(tmp_path)
    assert list(templates) == ["welcome"]
    return templates["welcome"]


def test_every_blank_is_filled(welcome: Template) -> None:
    assert (welcome.variables, welcome.description) == (("name", "number"), "For new members")
    rendered = welcome.render({"name": "Ada", "number": "7"})
    assert rendered.subject == "Welcome, Ada"
    assert rendered.body == "Dear Ada,\nyour number is 7.\n"
    assert rendered.html == "<p>Dear Ada, your number is <b>7</b>.</p>"


def test_a_value_is_text_whatever_it_looks_like(welcome: Template) -> None:
    rendered = welcome.render({"name": "{{number}} {% x %} {0} %s \\1", "number": "<script>&\"'"})
    assert rendered.subject == "Welcome, {{number}} {% x %} {0} %s \\1"
    assert rendered.html is not None
    assert rendered.html.endswith("<b>&lt;script&gt;&amp;&quot;&#x27;</b>.</p>")


@pytest.mark.parametrize(
    ("variables", "missing", "unknown"),
    [
        ({}, ["name", "number"], []), ({"name": "Ada"}, ["number"], []),
        ({"name": "Ada", "number": "7", "bcc": "x"}, [], ["bcc"]), ({"Name": "Ada", "number": "7"}, ["name"], ["Name"]),
    ],
)  # fmt: skip
def test_variables_that_do_not_fit_are_named(
    welcome: Template, variables: dict[str, str], missing: list[str], unknown: list[str]
) -> None:
    with pytest.raises(BadContent) as refused:
        welcome.render(variables)
    data = refused.value.as_result().structured_content
    assert data is not None
    assert (data["details"]["missing"], data["details"]["unknown"]) == (missing, unknown)


@pytest.mark.parametrize(
    "value",
    [
        "Ada\r\nBcc: eve@example.net",
        "Ada\n",
        "=?utf-8?q?=0ABcc:x?=",
        "\u202eadA",
        "\0",
        "x" * 10_001,
    ],
)
def test_a_value_in_the_subject_is_one_line_of_plain_text(welcome: Template, value: str) -> None:
    with pytest.raises(BadContent, match="name"):
        welcome.render({"name": value, "number": "7"})


def test_a_word_that_only_becomes_encoded_when_filled_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text('subject = "=?utf-8?q?{{x}}"\nbody = "{{x}}"')
    template = load_templates(tmp_path)["t"]
    with pytest.raises(BadContent, match="subject"):
        template.render({"x": "=0ABcc?="})


def test_a_value_in_the_body_may_have_lines(welcome: Template) -> None:
    assert "one\ntwo" in welcome.render({"name": "Ada", "number": "one\ntwo"}).body


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('subject = "x"', "body"), ('subject = "{{"\nbody = "x"', "blank"), ('subject = "{{X}}"\nbody = "x"', "blank"),
        ('subject = "x"\nbody = "{{a.b}}"', "blank"), ('subject = "x"\nbody = "{{a|safe}}"', "blank"),
        ('subject = "a\\nb"\nbody = "x"', "subject"), ('subject = "x"\nbody = "x"\nto = "y"', "to"), ("x", "TOML"),
    ],
)  # fmt: skip
def test_a_template_that_is_none_stops_the_start_by_name(
    tmp_path: Path, content: str, says: str
) -> None:
    (tmp_path / "t.toml").write_text(content)
    with pytest.raises(BadSetup, match=says) as stopped:
        load_templates(tmp_path)
    assert "t.toml" in str(stopped.value)


def test_a_folder_that_is_not_there_and_a_wrong_name_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="not there"):
        load_templates(tmp_path / "none")
    (tmp_path / "Two words.toml").write_text(WELCOME)
    with pytest.raises(BadSetup, match="lower case"):
        load_templates(tmp_path)
