"""Turns failures into responses: foreseen ones by their kind, bad requests with what was wrong, the rest as ours."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from orchestrator.database import DatabaseAway
from shared.errors import (
    INTERNAL_ERROR_BODY,
    ExpectedError,
    InvalidInput,
    NotSignedIn,
    TooManyRequests,
    Unavailable,
)

MAX_PROBLEMS_TOLD = 5
_NOT_STORABLE = "22021"
"""PostgreSQL's `character_not_in_repertoire`: it takes no NUL."""

log = structlog.get_logger()


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(ExpectedError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DatabaseAway, _database_away)
    app.add_exception_handler(DBAPIError, _refused_by_database)
    app.add_exception_handler(Exception, _unexpected)


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


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
    body = {
        "error": {
            "code": codes.get(error.status_code, "invalid_input"),
            "message": str(error.detail),
            "retryable": False,
        }
    }
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


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
