"""The page's JSON calls: passed on to the orchestrator in the person's name, answers unchanged."""

from urllib.parse import urlencode

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from frontend.chat.announce import announce_conversation, announce_path
from frontend.chat.proxy import call, file, json_body, segment
from frontend.rights import CHAT, Routes
from frontend.sign_in.sessions import required_person

FOUND_AT_MOST = 20

routes = Routes("api", rule=CHAT, url_prefix="/api")


@routes.get("/about")
def about() -> ResponseReturnValue:
    return jsonify(call("GET", "/v1/about"))


@routes.get("/conversations")
def list_conversations() -> ResponseReturnValue:
    query = {"limit": "50"}
    if before := request.args.get("before"):
        query["before"] = before
    return jsonify(call("GET", f"/v1/conversations?{urlencode(query)}"))


@routes.get("/conversations/<conversation_id>")
def read_conversation(conversation_id: str) -> ResponseReturnValue:
    before = request.args.get("before")
    query = f"?{urlencode({'before': before})}" if before else ""
    return jsonify(call("GET", f"/v1/conversations/{segment(conversation_id)}{query}"))


@routes.patch("/conversations/<conversation_id>")
def rename_conversation(conversation_id: str) -> ResponseReturnValue:
    renamed = call("PATCH", f"/v1/conversations/{segment(conversation_id)}", json_body())
    announce_conversation(required_person(), renamed)
    return jsonify(renamed)


@routes.delete("/conversations/<conversation_id>")
def delete_conversation(conversation_id: str) -> ResponseReturnValue:
    call("DELETE", f"/v1/conversations/{segment(conversation_id)}")
    gone = {"conversation_id": conversation_id, "deleted": True}
    announce_conversation(required_person(), gone)
    return "", 204


@routes.put("/conversations/<conversation_id>/head")
def show_version(conversation_id: str) -> ResponseReturnValue:
    shown = call("PUT", f"/v1/conversations/{segment(conversation_id)}/head", json_body())
    announce_path(required_person(), conversation_id)
    return jsonify(shown)


@routes.get("/conversations/<conversation_id>/export")
def export_conversation(conversation_id: str) -> ResponseReturnValue:
    query = urlencode({"format": request.args.get("format", "")})
    return file(f"/v1/conversations/{segment(conversation_id)}/export?{query}")


@routes.route("/conversations/<conversation_id>/share", methods=["GET", "PUT"])
def share_conversation(conversation_id: str) -> ResponseReturnValue:
    """The conversation's link as it is, or (PUT) made, or brought up to what was said until now."""
    path = f"/v1/conversations/{segment(conversation_id)}/share"
    return jsonify(call(request.method, path))


@routes.delete("/conversations/<conversation_id>/share")
def withdraw_share(conversation_id: str) -> ResponseReturnValue:
    call("DELETE", f"/v1/conversations/{segment(conversation_id)}/share")
    return "", 204


@routes.get("/search")
def search() -> ResponseReturnValue:
    query = urlencode({"q": request.args.get("q", ""), "limit": FOUND_AT_MOST})
    return jsonify(call("GET", f"/v1/search?{query}"))


@routes.get("/calls/<call_id>/result")
def read_result(call_id: str) -> ResponseReturnValue:
    return file(f"/v1/calls/{segment(call_id)}/result")


@routes.post("/calls/<call_id>/preview")
def preview(call_id: str) -> ResponseReturnValue:
    return jsonify(call("POST", f"/v1/calls/{segment(call_id)}/preview", json_body()))


@routes.put("/calls/<call_id>/decision")
def decide(call_id: str) -> ResponseReturnValue:
    return jsonify(call("PUT", f"/v1/calls/{segment(call_id)}/decision", json_body()))


@routes.post("/decisions")
def decide_several() -> ResponseReturnValue:
    return jsonify(call("POST", "/v1/decisions", json_body()))


@routes.put("/calls/<call_id>/kept")
def keepcall(call_id: str) -> ResponseReturnValue:
    return jsonify(call("PUT", f"/v1/calls/{segment(call_id)}/kept", json_body()))


@routes.put("/calls/<call_id>/outcome")
def choose_outcome(call_id: str) -> ResponseReturnValue:
    return jsonify(call("PUT", f"/v1/calls/{segment(call_id)}/outcome", json_body()))


@routes.put("/inputs/<input_id>")
def answer_input(input_id: str) -> ResponseReturnValue:
    return jsonify(call("PUT", f"/v1/inputs/{segment(input_id)}", json_body()))


@routes.get("/approvals")
def list_approvals() -> ResponseReturnValue:
    return jsonify(call("GET", "/v1/approvals"))


@routes.get("/grants")
def list_grants() -> ResponseReturnValue:
    return jsonify(call("GET", "/v1/grants"))


@routes.delete("/grants/<grant_id>")
def withdraw_grant(grant_id: str) -> ResponseReturnValue:
    call("DELETE", f"/v1/grants/{segment(grant_id)}")
    return "", 204


@routes.get("/mailbox")
def list_mailboxes() -> ResponseReturnValue:
    return jsonify(call("GET", "/v1/mailbox"))


@routes.get("/mailbox/<any(folders, mails, mail):what>")
def look_into_mailbox(what: str) -> ResponseReturnValue:
    """Folders, a list of mails or one mail: the query says which, and the orchestrator checks it."""
    return jsonify(call("GET", f"/v1/mailbox/{what}?{urlencode(request.args)}"))


@routes.get("/tools")
def tools() -> ResponseReturnValue:
    return jsonify(call("GET", "/v1/tools"))


@routes.put("/tools/<server>/<tool>/acceptance")
def accept_tool(server: str, tool: str) -> ResponseReturnValue:
    path = f"/v1/tools/{segment(server)}/{segment(tool)}/acceptance"
    return jsonify(call("PUT", path, json_body()))
