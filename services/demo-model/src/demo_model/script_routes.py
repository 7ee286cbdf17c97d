"""Where tests put scripts down, let held replies go on, and read what was asked."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo_model.errors import BadRequest
from demo_model.request import ChatRequest, read_object, validated
from demo_model.scripts import PREFIX, Script, ScriptBody, play, play_whole
from demo_model.sse import EventStream

_SECRET_HEADERS = {"authorization", "api-key", "x-api-key", "cookie"}


class ScriptRoutes:
    """The scripts by name."""

    def __init__(self) -> None:
        self._scripts: dict[str, Script] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/v1/scripts/{name}", self._put, methods=["PUT"]),
            Route("/v1/scripts/{name}/release", self._release, methods=["POST"]),
            Route("/v1/scripts/{name}/requests", self._requests),
        ]

    def model_names(self) -> list[str]:
        return [f"{PREFIX}{name}" for name in self._scripts]

    async def play(self, wanted: ChatRequest, raw: dict[str, Any], request: Request) -> Response:
        """Answer with the script's next reply."""
        script = self._script(wanted.model.removeprefix(PREFIX))
        headers = {
            name: "[redacted]" if name in _SECRET_HEADERS else value
            for name, value in request.headers.items()
        }
        reply = script.next_reply({"body": raw, "headers": headers})
        if reply.status is not None:
            return JSONResponse(reply.failure(), status_code=reply.status, headers=reply.headers)
        if not wanted.stream:
            return JSONResponse(await play_whole(script, reply))
        return EventStream(play(script, reply))

    async def _put(self, request: Request) -> Response:
        body = validated(ScriptBody, await read_object(request))
        self._scripts[request.path_params["name"]] = Script(body.replies)
        return JSONResponse({"replies": len(body.replies)})

    async def _release(self, request: Request) -> Response:
        self._script(request.path_params["name"]).release()
        return Response(status_code=204)

    async def _requests(self, request: Request) -> Response:
        script = self._script(request.path_params["name"])
        return JSONResponse({"requests": list(script.requests)})

    def _script(self, name: str) -> Script:
        if name not in self._scripts:
            raise BadRequest(
                f"There is no script `{name[:100]}`. PUT /v1/scripts/NAME makes one.",
                param="model",
            )
        return self._scripts[name]
