"""The foreseen failures, by kind. Anything else keeps its traceback and is answered as `internal`."""

from typing import ClassVar

from pydantic import JsonValue


class ExpectedError(Exception):
    """A failure we foresaw. Its message is written for whoever called: no SQL, hosts or secrets.

    `code` is part of the wire contract and is never renamed.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **details: JsonValue) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def body(self) -> dict[str, JsonValue]:
        """The error as every Steward API answers it."""
        error: dict[str, JsonValue] = {
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
        }
        if self.details:
            error["details"] = self.details
        return {"error": error}


class InvalidInput(ExpectedError):
    """The request cannot mean anything."""

    code = "invalid_input"
    status = 422


class NotSignedIn(ExpectedError):
    """No valid credential."""

    code = "not_signed_in"
    status = 401


class NotAllowed(ExpectedError):
    """A known caller, a forbidden act."""

    code = "not_allowed"
    status = 403


class NotFound(ExpectedError):
    """Absent, or not the caller's to know about: both read the same."""

    code = "not_found"
    status = 404


class Conflict(ExpectedError):
    """The state moved on: somebody else was first."""

    code = "conflict"
    status = 409


class TooManyRequests(ExpectedError):
    """Over a limit. `retry_after_s` says when the next try can succeed."""

    code = "too_many_requests"
    status = 429
    retryable = True

    def __init__(self, message: str, *, retry_after_s: float, **details: JsonValue) -> None:
        super().__init__(message, retry_after_s=retry_after_s, **details)
        self.retry_after_s = retry_after_s


class UpstreamFailed(ExpectedError):
    """A model or a tool server answered wrongly."""

    code = "upstream_failed"
    status = 502
    retryable = True


class Unavailable(ExpectedError):
    """Something we need is down or did not answer in time."""

    code = "unavailable"
    status = 503
    retryable = True


INTERNAL_ERROR_BODY: dict[str, JsonValue] = {
    "error": {
        "code": "internal",
        "message": "Something went wrong on our side. It was logged.",
        "retryable": False,
    }
}


class BadSetup(Exception):
    """The program cannot start like this; the message says what to change."""
