"""Operations of the JSON API: read into models, answered from models, and described in one document (OpenAPI 3.1).

What an operation takes and gives is said once, where it is defined; the document is made of that.
"""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar, cast

from flask import Flask, Response, request
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic.json_schema import models_json_schema
from werkzeug.routing import BaseConverter

from frontend.accounts.email_address import MAX_CHARACTERS, is_email_address
from frontend.rights import rule_of
from shared.errors import InvalidInput
from shared.wire.errors import ErrorAnswer

ItemT = TypeVar("ItemT")

MAX_PAGE = 100_000
MAX_LIMIT = 100
SCHEMA = "#/components/schemas/{model}"
Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""Of a person, a tenant, a key or an invitation."""
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f]*$", max_length=254)]
"""One line of text."""


def _checked_address(typed: str) -> str:
    if not is_email_address(typed.lower()):
        raise ValueError("it is not an e-mail address in plain Latin letters")
    return typed


Email = Annotated[
    str,
    AfterValidator(_checked_address),
    Field(min_length=3, max_length=MAX_CHARACTERS, json_schema_extra={"format": "email"}),
]
"""An address, as `accounts.email_address` takes it, in either case."""


class HexId(BaseConverter):
    """The part of a path that is an id. Anything else is a path that does not exist."""

    regex = r"[0-9a-f]{32}"


class Body(BaseModel):
    """What is sent to us. Unknown fields are mistakes, and told."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """What we answer."""

    model_config = ConfigDict(frozen=True, json_schema_mode_override="serialization")


class PageQuery(Body):
    """Which part of a list."""

    page: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 1
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 20

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.limit


class ListPage(Answer, Generic[ItemT]):
    """A part of a list, and how much there is in all."""

    items: list[ItemT]
    page: int
    limit: int
    total: int


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method of one path takes and gives."""

    summary: str
    tag: str
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    status: int


def operation(
    summary: str,
    tag: str,
    *,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    status: int = 200,
) -> Callable[[Callable[..., BaseModel | None]], Callable[..., Response]]:
    """Decorates a view, below the lines that say its path and its rule.

    The view is handed `body` and `query` as models, and gives the answer's model, or None for status 204.

    Raises (in the view):
        InvalidInput: what was sent does not fit; the details name fields and reasons, never values.
    """
    described = Operation(summary, tag, body, query, answer, status if answer else 204)

    def decorate(view: Callable[..., BaseModel | None]) -> Callable[..., Response]:
        @functools.wraps(view)
        def answer_request(**path: str) -> Response:
            sent: dict[str, Any] = {}
            if query is not None:
                sent["query"] = _read_query(query)
            if body is not None:
                sent["body"] = _read_body(body)
            given = view(**path, **sent)
            text = given.model_dump_json() if given is not None else None
            return Response(text, described.status, content_type="application/json")

        answer_request.__dict__["operation"] = described
        return answer_request

    return decorate


def document(app: Flask, version: str) -> dict[str, Any]:
    """The OpenAPI document of all operations of an application."""
    found = sorted(_operations(app), key=lambda one: (one[0], one[1]))
    models: set[type[BaseModel]] = {ErrorAnswer} | {
        model
        for _, _, _, described in found
        for model in (described.body, described.answer)
        if model
    }
    _, schemas = models_json_schema(
        [(model, _mode(model)) for model in sorted(models, key=lambda model: model.__name__)],
        ref_template=SCHEMA,
    )
    paths: dict[str, dict[str, Any]] = {}
    for path, method, endpoint, described in found:
        is_open = bool((rule := rule_of(app, endpoint)) and rule.is_public)
        paths.setdefault(path, {})[method] = _described(described, path, endpoint, is_open=is_open)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Steward: people and organisations",
            "version": version,
            "description": "Sign in with `POST /api/auth/login`, or bring an API key; either goes into the "
            "Authorization header as a bearer token.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operations(app: Flask) -> list[tuple[str, str, str, Operation]]:
    found: list[tuple[str, str, str, Operation]] = []
    for rule in app.url_map.iter_rules():
        described = app.view_functions[rule.endpoint].__dict__.get("operation")
        if described is not None:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            found += [(path, method.lower(), rule.endpoint, described) for method in methods]
    return found


def _described(described: Operation, path: str, endpoint: str, *, is_open: bool) -> dict[str, Any]:
    error = {
        "description": "What went wrong.",
        "content": {"application/json": {"schema": {"$ref": SCHEMA.format(model="ErrorAnswer")}}},
    }
    text: dict[str, Any] = {
        "operationId": endpoint.replace(".", "_"),
        "summary": described.summary,
        "tags": [described.tag],
        "parameters": [*_path_parameters(path), *_query_parameters(described.query)],
        "responses": {
            str(described.status): _answer(described.answer),
            "4XX": error,
            "503": error,
        },
        "security": [] if is_open else [{"bearer": []}],
    }
    if described.body is not None:
        text["requestBody"] = {"required": True, "content": _content(described.body)}
    return text


def _path_parameters(path: str) -> list[dict[str, Any]]:
    schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameters(query: type[BaseModel] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    properties = cast("dict[str, dict[str, Any]]", query.model_json_schema()["properties"])
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in properties.items()
    ]


def _answer(model: type[BaseModel] | None) -> dict[str, Any]:
    if model is None:
        return {"description": "Done."}
    return {"description": (model.__doc__ or "").partition("\n")[0], "content": _content(model)}


def _content(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": SCHEMA.format(model=_name(model))}}}


def _name(model: type[BaseModel]) -> str:
    """As pydantic names it among the schemas: `ListPage[X]` is `ListPage_X_`."""
    return re.sub(r"[^\w.-]", "_", model.__name__)


def _mode(model: type[BaseModel]) -> Any:
    return "validation" if issubclass(model, Body) else "serialization"


def _query() -> Mapping[str, str]:
    """Raises InvalidInput: something is said twice."""
    if any(len(values) > 1 for values in request.args.listvalues()):
        raise InvalidInput("Each parameter can be given once.")
    return request.args.to_dict()


def _read_query(model: type[BaseModel]) -> BaseModel:
    try:
        return model.model_validate(_query())
    except ValidationError as error:
        raise _problems(error) from None


def _read_body(model: type[BaseModel]) -> BaseModel:
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        raise _problems(error) from None


def _problems(error: ValidationError) -> InvalidInput:
    """Fields and reasons, never what was sent: it may be a password."""
    problems = [
        {"field": ".".join(str(part) for part in found["loc"]), "problem": found["msg"]}
        for found in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    where = problems[0]["field"] or "The body"
    return InvalidInput(f"{where}: {problems[0]['problem']}", problems=cast(Any, problems))
