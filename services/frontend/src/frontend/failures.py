"""Turns failures into what the caller can use: JSON for the page's calls, a page for people."""

import math

import structlog
from flask import Flask, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from frontend.orchestrator import OrchestratorError
from frontend.sign_in.sessions import signed_in_person
from shared.errors import (
    INTERNAL_ERROR_BODY,
    ExpectedError,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TooManyRequests,
    Unavailable,
)

log = structlog.get_logger()


def install(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(ExpectedError, _expected)
    app.register_error_handler(CSRFError, _form_too_old)
    app.register_error_handler(RedisError, _redis_lost)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _expected(error: ExpectedError) -> ResponseReturnValue:
    status, code = error.status, error.code
    if isinstance(error, OrchestratorError):
        status, code = error.answered_status, error.answered_code
    headers: dict[str, str] = {}
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    log.info("request_refused", code=code, status=status)
    if _wants_json():
        return jsonify(error.body()), status, headers
    return (
        render_template("error.html", title="That did not work", text=error.message),
        status,
        headers,
    )


def _form_too_old(_: CSRFError) -> ResponseReturnValue:
    if _wants_json() and signed_in_person() is None:
        return _expected(NotSignedIn("You are signed out. Sign in again."))
    return _expected(
        NotAllowed("This page was open for too long or in another session. Load it again.")
    )


def _redis_lost(error: RedisError) -> ResponseReturnValue:
    log.warning("redis_unavailable", error=type(error).__name__)
    return _expected(Unavailable("Sign-in is not available right now. Try again in a moment."))


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:  # a redirect of the router's
        return error.get_response()
    if status == 404:
        return _expected(NotFound("There is nothing here."))
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    if _wants_json():
        body = InvalidInput(error.description or error.name).body()
        return jsonify(body), status, headers
    page = render_template("error.html", title=error.name, text=error.description)
    return page, status, headers


def _unexpected(error: Exception) -> ResponseReturnValue:
    log.error("request_crashed", exc_info=error)
    if _wants_json():
        return jsonify(INTERNAL_ERROR_BODY), 500
    text = "Something went wrong on our side. It was logged."
    return render_template("error.html", title="Something went wrong", text=text), 500


def _wants_json() -> bool:
    return request.path.startswith(("/api/", "/.well-known/"))
