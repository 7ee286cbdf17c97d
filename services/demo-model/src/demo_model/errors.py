"""Errors in the shape that OpenAI's clients understand."""

from typing import Any

from starlette.responses import JSONResponse


class BadRequest(Exception):
    """The request cannot be answered; the message says why."""


def error_body(message: str, code: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": code, "param": None, "code": None}}


def error_response(message: str, status: int, code: str = "invalid_request_error") -> JSONResponse:
    return JSONResponse(error_body(message, code), status_code=status)
