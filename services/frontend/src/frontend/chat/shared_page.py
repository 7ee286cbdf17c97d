"""The page that a share link opens: for anybody, read-only, without a session and without traces elsewhere."""

import math
from datetime import datetime
from urllib.parse import quote

import structlog
from flask import make_response, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import ValidationError

from frontend.orchestrator import VISITOR, OrchestratorError
from frontend.parts import parts
from frontend.rights import ANYBODY, Routes
from shared.errors import ExpectedError, TooManyRequests, UpstreamFailed
from shared.wire.api import SharedConversation

HEADERS = {
    # The address is the key: it must not travel to the sites that an answer links to.
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}
GONE = (
    "There is no shared conversation",
    "The link was withdrawn, or it is incomplete. Ask whoever gave it to you for another one.",
)
TROUBLE = "The conversation cannot be shown"

log = structlog.get_logger()
routes = Routes("shared_page", rule=ANYBODY)


@routes.get("/shared/<token>")
def shared(token: str) -> ResponseReturnValue:
    """The orchestrator is asked in the name of nobody, whoever is signed in here."""
    try:
        parts().shared_limit.take(request.remote_addr or "unknown")
        conversation = _read(token)
    except ExpectedError as error:
        return _problem(error)
    return _page(render_template("shared.html", conversation=conversation))


@routes.app_template_filter("moment")
def moment(at: datetime) -> str:
    """An instant in words: the reader's time zone is not known, so it is UTC and says so."""
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def _read(token: str) -> SharedConversation:
    answer = parts().orchestrator.call(VISITOR, "GET", f"/v1/shared/{quote(token, safe='')}")
    try:
        return SharedConversation.model_validate(answer)
    except ValidationError:
        raise UpstreamFailed("The assistant answered in an unknown way.") from None


def _problem(error: ExpectedError) -> ResponseReturnValue:
    status = error.answered_status if isinstance(error, OrchestratorError) else error.status
    log.info("shared_page_refused", code=error.code, status=status)
    title, text = GONE if status == 404 else (TROUBLE, error.message)
    page = render_template("shared_problem.html", title=title, text=text)
    if isinstance(error, TooManyRequests):
        return _page(page, status, {"Retry-After": str(math.ceil(error.retry_after_s))})
    return _page(page, status)


def _page(
    body: str, status: int = 200, headers: dict[str, str] | None = None
) -> ResponseReturnValue:
    return make_response(body, status, {**HEADERS, **(headers or {})})
