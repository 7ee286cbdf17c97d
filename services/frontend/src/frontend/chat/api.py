"""The page's JSON calls: passed on to the orchestrator in the person's name, answers unchanged."""

from typing import Any, cast
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from frontend.chat.announce import announce_conversation, announce_path
from frontend.parts import parts
from frontend.sign_in.sessions import required_person
from shared.errors import InvalidInput

FOUND_AT_MOST = 20

routes = Blueprint("api", __name__, url_prefix="/api")


@routes.get("/about")
def about() -> ResponseReturnValue:
    return jsonify(_call("GET", "/v1/about"))


@routes.get("/conversations")
def list_conversations() -> ResponseReturnValue:
    query = {"limit": "50"}
    if before := request.args.get("before"):
        query["before"] = before
    return jsonify(_call("GET", f"/v1/conversations?{urlencode(query)}"))


@routes.get("/conversations/<conversation_id>")
def read_conversation(conversation_id: str) -> ResponseReturnValue:
    before = request.args.get("before")
    query = f"?{urlencode({'before': before})}" if before else ""
    return jsonify(_call("GET", f"/v1/conversations/{_safe(conversation_id)}{query}"))


@routes.patch("/conversations/<conversation_id>")
def rename_conversation(conversation_id: str) -> ResponseReturnValue:
    renamed = _call("PATCH", f"/v1/conversations/{_safe(conversation_id)}", _body())
    announce_conversation(required_person().person_id, renamed)
    return jsonify(renamed)


@routes.delete("/conversations/<conversation_id>")
def delete_conversation(conversation_id: str) -> ResponseReturnValue:
    _call("DELETE", f"/v1/conversations/{_safe(conversation_id)}")
    gone = {"conversation_id": conversation_id, "deleted": True}
    announce_conversation(required_person().person_id, gone)
    return "", 204


@routes.put("/conversations/<conversation_id>/head")
def show_version(conversation_id: str) -> ResponseReturnValue:
    shown = _call("PUT", f"/v1/conversations/{_safe(conversation_id)}/head", _body())
    announce_path(required_person().person_id, conversation_id)
    return jsonify(shown)


@routes.get("/conversations/<conversation_id>/export")
def export_conversation(conversation_id: str) -> ResponseReturnValue:
    query = urlencode({"format": request.args.get("format", "")})
    return _file(f"/v1/conversations/{_safe(conversation_id)}/export?{query}")


@routes.route("/conversations/<conversation_id>/share", methods=["GET", "PUT"])
def share_conversation(conversation_id: str) -> ResponseReturnValue:
    """The conversation's link as it is, or (PUT) made, or brought up to what was said until now."""
    path = f"/v1/conversations/{_safe(conversation_id)}/share"
    return jsonify(_call(request.method, path))


@routes.delete("/conversations/<conversation_id>/share")
def withdraw_share(conversation_id: str) -> ResponseReturnValue:
    _call("DELETE", f"/v1/conversations/{_safe(conversation_id)}/share")
    return "", 204


@routes.get("/search")
def search() -> ResponseReturnValue:
    query = urlencode({"q": request.args.get("q", ""), "limit": FOUND_AT_MOST})
    return jsonify(_call("GET", f"/v1/search?{query}"))


@routes.get("/calls/<call_id>/result")
def read_result(call_id: str) -> ResponseReturnValue:
    return _file(f"/v1/calls/{_safe(call_id)}/result")


@routes.post("/calls/<call_id>/preview")
def preview(call_id: str) -> ResponseReturnValue:
    return jsonify(_call("POST", f"/v1/calls/{_safe(call_id)}/preview", _body()))


@routes.put("/calls/<call_id>/decision")
def decide(call_id: str) -> ResponseReturnValue:
    return jsonify(_call("PUT", f"/v1/calls/{_safe(call_id)}/decision", _body()))


@routes.post("/decisions")
def decide_several() -> ResponseReturnValue:
    return jsonify(_call("POST", "/v1/decisions", _body()))


@routes.put("/calls/<call_id>/kept")
def keep_call(call_id: str) -> ResponseReturnValue:
    return jsonify(_call("PUT", f"/v1/calls/{_safe(call_id)}/kept", _body()))


@routes.put("/calls/<call_id>/outcome")
def choose_outcome(call_id: str) -> ResponseReturnValue:
    return jsonify(_call("PUT", f"/v1/calls/{_safe(call_id)}/outcome", _body()))


@routes.put("/inputs/<input_id>")
def answer_input(input_id: str) -> ResponseReturnValue:
    return jsonify(_call("PUT", f"/v1/inputs/{_safe(input_id)}", _body()))


@routes.get("/approvals")
def list_approvals() -> ResponseReturnValue:
    return jsonify(_call("GET", "/v1/approvals"))


@routes.get("/grants")
def list_grants() -> ResponseReturnValue:
    return jsonify(_call("GET", "/v1/grants"))


@routes.delete("/grants/<grant_id>")
def withdraw_grant(grant_id: str) -> ResponseReturnValue:
    _call("DELETE", f"/v1/grants/{_safe(grant_id)}")
    return "", 204


@routes.get("/mailbox")
def list_mailboxes() -> ResponseReturnValue:
    return jsonify(_call("GET", "/v1/mailbox"))


@routes.get("/mailbox/<any(folders, mails, mail):what>")
def look_into_mailbox(what: str) -> ResponseReturnValue:
    """Folders, a list of mails or one mail: the query says which, and the orchestrator checks it."""
    return jsonify(_call("GET", f"/v1/mailbox/{what}?{urlencode(request.args)}"))


@routes.get("/tools")
def tools() -> ResponseReturnValue:
    return jsonify(_call("GET", "/v1/tools"))


@routes.put("/tools/<server>/<tool>/acceptance")
def accept_tool(server: str, tool: str) -> ResponseReturnValue:
    path = f"/v1/tools/{_safe(server)}/{_safe(tool)}/acceptance"
    return jsonify(_call("PUT", path, _body()))


def _call(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    return parts().orchestrator.call(required_person(), method, path, body)


def _file(path: str) -> Response:
    file = parts().orchestrator.download(required_person(), path)
    answer = Response(file.content, content_type=file.content_type)
    answer.headers["Content-Disposition"] = file.disposition
    return answer


def _body() -> dict[str, Any]:
    body: object = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise InvalidInput("The request must be a JSON object.")
    return cast("dict[str, Any]", body)


def _safe(part: str) -> str:
    """One segment of a path, whatever was typed."""
    return quote(part, safe="")
