"""`/api/openapi.json`: what the JSON API for people, organisations and keys takes and gives."""

from importlib.metadata import version

from flask import current_app, jsonify
from flask.typing import ResponseReturnValue

from frontend.json_api import document
from frontend.rights import ANYBODY, Routes

routes = Routes("api_document", rule=ANYBODY)


@routes.get("/api/openapi.json")
def read() -> ResponseReturnValue:
    return jsonify(document(current_app, version("frontend")))
