"""The connections page, the browser's way to a sign-in service and back, and who we are to such services."""

import re
from urllib.parse import urlencode

from flask import jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend.chat.proxy import call, json_body, segment
from frontend.parts import parts
from frontend.rights import ADMINS, ANYBODY, SIGNED_IN, Routes, open_to
from frontend.sign_in.sessions import required_person
from shared.errors import InvalidInput, NotAllowed

CLIENT_NAME = "Steward"
BROUGHT_BACK = ("state", "code", "error", "iss")
_KEY = re.compile(r"[a-z][a-z0-9]{0,40}")

routes = Routes("connections", rule=SIGNED_IN)


@routes.get("/connections")
def connections() -> ResponseReturnValue:
    return render_template("connections.html", person=required_person())


@routes.get("/connections/<server>/sign-in")
def begin(server: str) -> ResponseReturnValue:
    """Send the browser to the server's sign-in service. Only from our own pages, or by the person's own hand."""
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        raise NotAllowed("Begin the sign-in on a page of Steward.")
    begun = call("POST", f"/v1/connections/{segment(server)}/sign-in")
    return redirect(str(begun["url"]))


@routes.get("/connections/callback")
def finish() -> ResponseReturnValue:
    """Where sign-in services send browsers back. What they brought goes to the orchestrator and out of the address."""
    answer = {name: request.args[name] for name in BROUGHT_BACK if name in request.args}
    if "state" not in answer:
        raise InvalidInput("This address is opened by sign-in services only.")
    signed_in = call("POST", "/v1/connections/callback", answer)
    query = urlencode({"server": signed_in["server"]})
    return redirect(f"{url_for('connections.finished')}?{query}", 303)


@routes.get("/connections/signed-in")
def finished() -> ResponseReturnValue:
    server = request.args.get("server", "")
    if not _KEY.fullmatch(server):
        raise InvalidInput("There is nothing to see at this address.")
    return render_template("signed_in.html", person=required_person(), server=server)


@routes.get("/connections/client.json")
@open_to(ANYBODY)
def client() -> ResponseReturnValue:
    """Our OAuth client metadata (RFC 7591), at the address that is our client id (Client ID Metadata Documents)."""
    public_url = str(parts().settings.public_url).rstrip("/")
    return jsonify(
        client_id=f"{public_url}{url_for('connections.client')}",
        client_name=CLIENT_NAME,
        client_uri=public_url,
        redirect_uris=[f"{public_url}{url_for('connections.finish')}"],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        token_endpoint_auth_method="none",  # noqa: S106 - the name of a method
        application_type="web",
    )


@routes.get("/api/connections")
def list_mine() -> ResponseReturnValue:
    return jsonify(call("GET", "/v1/connections"))


@routes.delete("/api/connections/<server>")
def disconnect(server: str) -> ResponseReturnValue:
    return jsonify(call("DELETE", f"/v1/connections/{segment(server)}"))


@routes.get("/api/servers")
@open_to(ADMINS)
def list_servers() -> ResponseReturnValue:
    return jsonify(call("GET", "/v1/servers"))


@routes.post("/api/servers")
@open_to(ADMINS)
def add_server() -> ResponseReturnValue:
    return jsonify(call("POST", "/v1/servers", json_body())), 201


@routes.patch("/api/servers/<server>")
@open_to(ADMINS)
def switch_server(server: str) -> ResponseReturnValue:
    return jsonify(call("PATCH", f"/v1/servers/{segment(server)}", json_body()))


@routes.delete("/api/servers/<server>")
@open_to(ADMINS)
def remove_server(server: str) -> ResponseReturnValue:
    call("DELETE", f"/v1/servers/{segment(server)}")
    return "", 204


@routes.put("/api/servers/<server>/client")
@open_to(ADMINS)
def set_client(server: str) -> ResponseReturnValue:
    """As whom Steward is registered with the server's sign-in service."""
    call("PUT", f"/v1/servers/{segment(server)}/client", json_body())
    return "", 204
