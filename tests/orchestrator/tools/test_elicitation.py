"""Which questions of a tool server reach a person, and in what words."""

from typing import Any

import pytest
from mcp.types import (
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    InputRequiredResult,
    ListRootsRequest,
)
from pydantic import JsonValue

from orchestrator.tools.elicitation import (
    MAX_MESSAGE_CHARACTERS,
    MAX_QUESTIONS,
    MAX_SCHEMA_BYTES,
    MAX_STATE_CHARACTERS,
    InputQuestion,
    Mode,
    QuestionRefused,
    elicit_result,
    problem_with_answer,
    question_of,
    questions_of,
)
from shared.wire.events import InputAction

FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "format": "email", "title": "To", "minLength": 3},
        "copies": {"type": "integer", "minimum": 1, "maximum": 3, "default": 1},
        "urgent": {"type": "boolean", "default": False},
        "tone": {"type": "string", "oneOf": [{"const": "warm", "title": "Warm"}]},
        "lists": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "maxItems": 1},
        "days": {"type": "array", "items": {"anyOf": [{"const": "mo", "title": "Monday"}]}},
    },
    "required": ["to"],
}


def form(schema: dict[str, Any], message: str = "Please fill in.") -> InputQuestion:
    return question_of(ElicitRequestFormParams(message=message, requested_schema=schema))


def form_with(field: Any) -> InputQuestion:
    return form({"type": "object", "properties": {"field": field}})


def address(url: str) -> InputQuestion:
    return question_of(ElicitRequestURLParams(message="Please open.", url=url))


def test_a_form_keeps_everything_that_the_protocol_allows() -> None:
    assert form(FORM).schema == {**FORM, "additionalProperties": False}


def test_a_form_may_ask_for_nothing_but_agreement() -> None:
    question = form({"type": "object", "properties": {}})
    assert problem_with_answer(question.schema, None) is None


@pytest.mark.parametrize("keyword", ["pattern", "$ref", "x-script"])
def test_what_the_protocol_does_not_allow_in_a_field_is_left_out(keyword: str) -> None:
    schema = form_with({"type": "string", keyword: "(a+)+$"}).schema
    assert schema is not None
    assert schema["properties"] == {"field": {"type": "string"}}


@pytest.mark.parametrize(
    "field",
    [
        {"type": "object", "properties": {}},
        {"type": "array", "items": {"type": "object"}},
        {"type": "array", "items": {"type": "string"}},
        {"type": ["string", "null"]},
        {"$ref": "https://elsewhere.example/schema"},
        {"type": "boolean", "default": "yes"},
        {"type": "string", "enum": [1, 2]},
        "string",
    ],
)
def test_a_field_of_another_kind_is_refused(field: Any) -> None:
    with pytest.raises(QuestionRefused, match="not one that the protocol allows"):
        form_with(field)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}},
        {"properties": {}},
        {"type": "object"},
        {"type": "object", "properties": {}, "required": ["to"]},
        {
            "type": "object",
            "properties": {"x": {"type": "string", "title": "x" * MAX_SCHEMA_BYTES}},
        },
    ],
)
def test_a_form_that_cannot_be_filled_in_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(QuestionRefused):
        form(schema)


def test_a_long_message_is_refused_and_never_cut() -> None:
    longest = "x" * MAX_MESSAGE_CHARACTERS
    assert form(FORM, longest).message == longest
    with pytest.raises(QuestionRefused, match="4,000"):
        form(FORM, f"{longest}x")


def test_too_much_at_once_is_refused() -> None:
    params = ElicitRequestFormParams(message="Sure?", requested_schema=FORM)
    requests: Any = {str(n): ElicitRequest(params=params) for n in range(MAX_QUESTIONS + 1)}
    with pytest.raises(QuestionRefused, match="more than 10"):
        questions_of(InputRequiredResult(input_requests=requests))
    with pytest.raises(QuestionRefused, match="remembered"):
        questions_of(InputRequiredResult(request_state="x" * (MAX_STATE_CHARACTERS + 1)))


def test_folders_of_this_machine_are_not_given() -> None:
    with pytest.raises(QuestionRefused, match="folders"):
        questions_of(InputRequiredResult(input_requests={"roots": ListRootsRequest()}))


def test_a_server_may_want_to_be_called_again_without_asking() -> None:
    assert questions_of(InputRequiredResult(request_state="later")) == []


@pytest.mark.parametrize(
    ("url", "opened", "domain"),
    [
        ("https://bank.example/pay?a=1", "https://bank.example/pay?a=1", "bank.example"),
        (
            "https://bücher.example/ü",
            "https://xn--bcher-kva.example/%C3%BC",
            "xn--bcher-kva.example (bücher.example)",
        ),
        (
            "https://xn--80ak6aa92e.com",
            "https://xn--80ak6aa92e.com/",
            "xn--80ak6aa92e.com (аррӏе.com)",
        ),
        ("http://localhost:8080/x", "http://localhost:8080/x", "localhost"),
        ("http://127.0.0.1/x", "http://127.0.0.1/x", "127.0.0.1"),
        ("http://[::1]:9/", "http://[::1]:9/", "[::1]"),
        ("HTTPS://Bank.Example", "https://bank.example/", "bank.example"),
    ],
)
def test_an_address_is_shown_as_it_is_opened(url: str, opened: str, domain: str) -> None:
    question = address(url)
    assert (question.url, question.domain) == (opened, domain)


@pytest.mark.parametrize(
    "url",
    [
        "http://bank.example/",
        "http://127.0.0.1.evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://bank.example/",
        "https://",
        "/pay",
        "https://bank.example@evil.example/",
        "https://bank.example\\@evil.example/",
        "https://bank.example\n.evil.example/",
        "https://bank.example/\u202egpj.exe",
        f"https://bank.example/{'x' * 3_000}",
    ],
)
def test_an_address_that_deceives_or_leaks_is_refused(url: str) -> None:
    with pytest.raises(QuestionRefused):
        address(url)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"to": "bob@example.org"}, None),
        ({"to": "bob@example.org", "tone": "warm", "lists": ["b"], "days": ["mo"]}, None),
        ({}, "'to' is a required property"),
        ({"to": "bob@example.org", "copies": 4}, "4 is greater than the maximum of 3"),
        ({"to": "bob@example.org", "urgent": "maybe"}, "'maybe' is not of type 'boolean'"),
        ({"to": "bob@example.org", "tone": "cold"}, "'cold' is not valid"),
        ({"to": "bob@example.org", "lists": ["a", "b"]}, "is too long"),
        ({"to": "bob@example.org", "cc": "eve"}, "'cc' was unexpected"),
    ],
)
def test_an_answer_is_held_against_the_form(
    content: dict[str, JsonValue], problem: str | None
) -> None:
    found = problem_with_answer(form(FORM).schema, content)
    assert found is None if problem is None else problem in (found or "")


def test_an_address_needs_no_content() -> None:
    assert problem_with_answer(address("https://bank.example").schema, None) is None


@pytest.mark.parametrize(
    ("mode", "action", "told"),
    [
        ("form", InputAction.ACCEPT, ("accept", {"to": "bob@example.org"})),
        ("form", InputAction.DECLINE, ("decline", None)),
        ("form", InputAction.CANCEL, ("cancel", None)),
        ("form", InputAction.EXPIRED, ("cancel", None)),
        ("url", InputAction.ACCEPT, ("accept", None)),
    ],
)
def test_only_an_accepted_form_carries_content(
    mode: Mode, action: InputAction, told: tuple[str, Any]
) -> None:
    result = elicit_result(mode, action, {"to": "bob@example.org"})
    assert (result.action, result.content) == told
