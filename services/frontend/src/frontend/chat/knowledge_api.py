"""The page's calls for the organisation's documents: passed on to the orchestrator, files piece by piece."""

from typing import Any, ClassVar
from urllib.parse import urlencode

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from frontend.chat.proxy import call, json_body, segment
from frontend.parts import parts
from frontend.rights import SIGNED_IN, Routes
from frontend.sign_in.sessions import required_person
from shared.errors import InvalidInput, UpstreamFailed

MAX_DOCUMENT_BYTES = 50 * 1024 * 1024
"""The knowledge base's own limit may be lower; it says so itself."""
PIECE_BYTES = 65_536
OCTETS = "application/octet-stream"
PICTURE = "image/png"
MARK_HEADER = "X-Passage-Mark"
"""Where on the picture the passage is (docs/tool-conventions.md)."""

routes = Routes("knowledge_api", rule=SIGNED_IN, url_prefix="/api/knowledge")


class DocumentTooLarge(InvalidInput):
    """Refused by its announced length, before anything of it is read."""

    code: ClassVar[str] = "limit_exceeded"
    status: ClassVar[int] = 413


@routes.url_value_preprocessor
def allow_documents(endpoint: str | None, _: dict[str, Any] | None) -> None:
    """Other requests are at most 1 MB. Before the check of the CSRF token, which looks at the body as a form."""
    if endpoint != f"{routes.name}.{upload.__name__}":
        return
    if request.mimetype != OCTETS or request.content_length is None:
        raise InvalidInput(f"Send the file as it is, as {OCTETS} and with its length.")
    if request.content_length > MAX_DOCUMENT_BYTES:
        raise DocumentTooLarge(
            f"A document has {MAX_DOCUMENT_BYTES // 1024**2} MB at most. Split it, or leave out what nobody looks up."
        )
    request.max_content_length = MAX_DOCUMENT_BYTES


@routes.get("")
def about() -> ResponseReturnValue:
    return jsonify(call("GET", "/v1/knowledge"))


@routes.get("/<any(collections, documents, gaps):what>")
def list_things(what: str) -> ResponseReturnValue:
    """The query says which, and the orchestrator checks it."""
    return jsonify(call("GET", f"/v1/knowledge/{what}?{urlencode(request.args)}"))


@routes.post("/collections")
def make_collection() -> ResponseReturnValue:
    return jsonify(call("POST", "/v1/knowledge/collections", json_body())), 201


@routes.put("/documents")
def upload() -> ResponseReturnValue:
    """The body is the file. It is passed on while it comes; a page that goes away cuts it off there, too."""
    person = required_person()
    path = f"/v1/knowledge/documents?{urlencode(list(request.args.items(multi=True)))}"
    pieces = iter(lambda: request.stream.read(PIECE_BYTES), b"")
    octets = request.content_length or 0
    return jsonify(parts().orchestrator.upload(person, path, pieces, octets)), 202


@routes.patch("/<any(collections, documents):what>/<thing_id>")
def change(what: str, thing_id: str) -> ResponseReturnValue:
    return jsonify(call("PATCH", f"/v1/knowledge/{what}/{segment(thing_id)}", json_body()))


@routes.delete("/<any(collections, documents):what>/<thing_id>")
def remove(what: str, thing_id: str) -> ResponseReturnValue:
    call("DELETE", f"/v1/knowledge/{what}/{segment(thing_id)}")
    return "", 204


@routes.post("/documents/<document_id>/cancel")
def cancel(document_id: str) -> ResponseReturnValue:
    return jsonify(call("POST", f"/v1/knowledge/documents/{segment(document_id)}/cancel"))


@routes.get("/documents/<document_id>/original")
def original(document_id: str) -> ResponseReturnValue:
    """A stranger's file: it is kept by the browser, and never shown as a page of ours."""
    answer = _streamed(f"/v1/knowledge/documents/{segment(document_id)}/original")
    if not answer.headers["Content-Disposition"].startswith("attachment"):
        answer.headers["Content-Disposition"] = "attachment"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@routes.get("/passages/<passage_id>")
def open_passage(passage_id: str) -> ResponseReturnValue:
    return jsonify(call("GET", f"/v1/knowledge/passages/{segment(passage_id)}"))


@routes.get("/passages/<passage_id>/page.png")
def page_picture(passage_id: str) -> ResponseReturnValue:
    answer = _streamed(f"/v1/knowledge/passages/{segment(passage_id)}/page.png")
    if answer.mimetype != PICTURE:
        answer.close()
        raise UpstreamFailed("The page's picture cannot be shown.")
    del answer.headers["Content-Disposition"]
    return answer


@routes.put("/answers/<document_id>")
def change_answer(document_id: str) -> ResponseReturnValue:
    path = f"/v1/knowledge/answers/{segment(document_id)}"
    return jsonify(call("PUT", path, json_body()))


@routes.post("/gaps/<gap_id>/<any(answer, dismiss):what>")
def settle_gap(gap_id: str, what: str) -> ResponseReturnValue:
    body = json_body() if what == "answer" else None
    return jsonify(call("POST", f"/v1/knowledge/gaps/{segment(gap_id)}/{what}", body))


def _streamed(path: str) -> Response:
    """A file as it comes. Raises like `Orchestrator.call`, as long as it has not begun."""
    stream = parts().orchestrator.stream(required_person(), "GET", path)
    answer = Response(
        iter(stream.read, b""), content_type=stream.headers.get("Content-Type", OCTETS)
    )
    answer.call_on_close(stream.close)
    answer.headers["Content-Disposition"] = stream.headers.get("Content-Disposition", "attachment")
    for name in ("Content-Length", MARK_HEADER):
        if value := stream.headers.get(name):
            answer.headers[name] = value
    return answer
