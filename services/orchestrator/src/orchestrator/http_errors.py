"""Turns failures into responses: foreseen ones by their kind, bad requests with what was wrong, the rest as ours."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic.json_schema import models_json_schema
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from orchestrator.database import DatabaseAway
from shared.errors import (
    INTERNAL_ERROR_BODY,
    ExpectedError,
    InvalidInput,
    NotSignedIn,
    TooManyRequests,
    Unavailable,
)
from shared.wire.errors import ErrorAnswer

MAX_PROBLEMS_TOLD = 5
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_NOT_STORABLE = "22021"
"""PostgreSQL's `character_not_in_repertoire`: it takes no NUL."""

_SCHEMA = "#/components/schemas/{model}"
_CONTENT = {"application/json": {"schema": {"$ref": _SCHEMA.format(model=ErrorAnswer.__name__)}}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"content": _CONTENT, "description": "What is wrong with the request."},
    "502": {"content": _CONTENT, "description": "A model or a tool server answered wrongly."},
    "503": {"content": _CONTENT, "description": "Something we need is away. Try again."},
}
"""What any operation may answer instead, for the API's description. Named by its schema and not as a model: errors are
JSON also where the answer is a stream or a file."""

log = structlog.get_logger()


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(ExpectedError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DatabaseAway, _database_away)
    app.add_exception_handler(DBAPIError, _refused_by_database)
    app.add_exception_handler(Exception, _unexpected)
    _describe(app)


def _describe(app: FastAPI) -> None:
    """Put the schema that RESPONSES name into the API's description."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        _, found = models_json_schema([(ErrorAnswer, "serialization")], ref_template=_SCHEMA)
        document["components"]["schemas"].update(found["$defs"])
        return document

    app.openapi = openapi


async def _expected(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ExpectedError)  # noqa: S101 - registered for this type only
    headers: dict[str, str] = {}
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"
    log.info("request_refused", code=error.code, status=error.status)
    return JSONResponse(error.body(), status_code=error.status, headers=headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    problems = [_in_words(detail) for detail in error.errors()[:MAX_PROBLEMS_TOLD]]
    return await _expected(request, InvalidInput("; ".join(problems)))


def _in_words(detail: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in detail["loc"] if part not in {"body", "path", "query"})
    return f"{where or 'The request'}: {detail['msg']}"


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
    body = {
        "error": {
            "code": codes.get(error.status_code, "invalid_input"),
            "message": str(error.detail),
            "retryable": False,
        }
    }
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods_of(request))
    return JSONResponse(body, status_code=error.status_code, headers=headers)


def _methods_of(request: Request) -> list[str]:
    """All that the path can be asked (RFC 9110, section 15.5.6): Starlette names those of one route only."""
    return sorted(
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.router.routes
        )
    )


async def _database_away(request: Request, error: Exception) -> JSONResponse:
    log.warning("database_away", error=str(error))
    return await _expected(
        request, Unavailable("The database cannot be reached. Try again in a moment.")
    )


async def _refused_by_database(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DBAPIError)  # noqa: S101 - registered for this type only
    if getattr(error.orig, "sqlstate", None) != _NOT_STORABLE:
        return await _unexpected(request, error)
    return await _expected(
        request, InvalidInput("The request contains a NUL character, which no text can have.")
    )


async def _unexpected(_: Request, error: Exception) -> JSONResponse:
    log.error("request_crashed", exc_info=error)
    return JSONResponse(INTERNAL_ERROR_BODY, status_code=500)
