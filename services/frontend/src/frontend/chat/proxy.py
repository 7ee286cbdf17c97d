"""What the page's routes have in common: requests to the orchestrator in the person's name, answers unchanged."""

from typing import Any, cast
from urllib.parse import quote

from flask import Response, request

from frontend.parts import parts
from frontend.sign_in.sessions import required_person
from shared.errors import InvalidInput


def call(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Raises like `Orchestrator.call`; NotSignedIn."""
    return parts().orchestrator.call(required_person(), method, path, body)


def file(path: str) -> Response:
    """A file, read whole. Raises like `call`."""
    whole = parts().orchestrator.download(required_person(), path)
    answer = Response(whole.content, content_type=whole.content_type)
    answer.headers["Content-Disposition"] = whole.disposition
    return answer


def json_body() -> dict[str, Any]:
    """Raises InvalidInput: it is no object."""
    body: object = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise InvalidInput("The request must be a JSON object.")
    return cast("dict[str, Any]", body)


def segment(part: str) -> str:
    """One segment of a path, whatever was typed."""
    return quote(part, safe="")
