"""Builds the HTTP application."""

from collections.abc import AsyncGenerator
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from demo_model import chat
from demo_model.embeddings import embed
from demo_model.errors import BadRequest, error_response
from demo_model.load import PREFIX as LOAD_PREFIX
from demo_model.load import LoadFailure, may_fail, parse_profile, stream_load
from demo_model.request import ChatRequest, read_chat_request, read_object
from demo_model.scripts import PREFIX as SCRIPT_PREFIX
from demo_model.scripts import Script, play
from demo_model.settings import Settings
from shared import health

MAX_INPUTS = 512


def create_app(settings: Settings, *, scripts_allowed: bool = False) -> Starlette:
    """The application; scripts are for tests and off unless allowed."""
    server = _Server(settings, scripts_allowed)
    routes = [
        Route("/v1/models", server.models),
        Route("/v1/chat/completions", server.complete, methods=["POST"]),
        Route("/v1/embeddings", server.embeddings, methods=["POST"]),
        Route("/live", _live),
        Route("/ready", _ready),
        Route("/metrics", _metrics),
    ]
    if scripts_allowed:
        routes += [
            Route("/v1/scripts/{name}", server.put_script, methods=["PUT"]),
            Route("/v1/scripts/{name}/release", server.release, methods=["POST"]),
            Route("/v1/scripts/{name}/requests", server.requests),
        ]
    return Starlette(routes=routes, exception_handlers={BadRequest: _bad_request})


class _Server:
    def __init__(self, settings: Settings, scripts_allowed: bool) -> None:
        self._settings = settings
        self._scripts_allowed = scripts_allowed
        self._scripts: dict[str, Script] = {}

    async def models(self, _: Request) -> Response:
        model = {"id": chat.MODEL, "object": "model", "created": 0, "owned_by": "steward"}
        return JSONResponse({"object": "list", "data": [model]})

    async def complete(self, request: Request) -> Response:
        wanted = read_chat_request(await request.body())
        if wanted.model.startswith(LOAD_PREFIX):
            return _load(wanted.model)
        if wanted.model.startswith(SCRIPT_PREFIX) and self._scripts_allowed:
            return self._play(wanted, request)
        if wanted.model != chat.MODEL:
            return error_response(
                f"The model `{wanted.model}` does not exist here; there is `{chat.MODEL}`.", 404
            )
        answer = chat.think(wanted)
        if not wanted.stream:
            return JSONResponse(chat.whole(wanted, answer))
        return _stream(chat.streamed(wanted, answer, self._settings.word_delay_ms / 1_000))

    async def embeddings(self, request: Request) -> Response:
        raw = read_object(await request.body())
        given = raw.get("input")
        texts = [given] if isinstance(given, str) else given
        if (
            not isinstance(texts, list)
            or not texts
            or len(cast("list[object]", texts)) > MAX_INPUTS
        ):
            raise BadRequest(f"`input` must be a text or a list of 1 to {MAX_INPUTS} texts.")
        if not all(isinstance(text, str) for text in cast("list[object]", texts)):
            raise BadRequest("Each of `input` must be a text.")
        data = [
            {"object": "embedding", "index": index, "embedding": embed(text)}
            for index, text in enumerate(cast("list[str]", texts))
        ]
        tokens = sum(len(text) for text in cast("list[str]", texts)) // 4
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse({"object": "list", "model": chat.MODEL, "data": data, "usage": usage})

    async def put_script(self, request: Request) -> Response:
        replies = read_object(await request.body()).get("replies")
        if not isinstance(replies, list) or not replies:
            raise BadRequest("`replies` must be a list with at least one reply.")
        script = Script(cast("list[dict[str, Any]]", replies))
        self._scripts[request.path_params["name"]] = script
        return JSONResponse({"replies": len(script.replies)})

    async def release(self, request: Request) -> Response:
        self._script(request.path_params["name"]).release()
        return Response(status_code=204)

    async def requests(self, request: Request) -> Response:
        return JSONResponse({"requests": self._script(request.path_params["name"]).requests})

    def _script(self, name: str) -> Script:
        if name not in self._scripts:
            raise BadRequest(f"There is no script `{name}`. PUT /v1/scripts/{name} makes one.")
        return self._scripts[name]

    def _play(self, wanted: ChatRequest, request: Request) -> Response:
        script = self._script(wanted.model.removeprefix(SCRIPT_PREFIX))
        headers = {
            name: "[redacted]" if name == "authorization" else value
            for name, value in request.headers.items()
        }
        reply = script.next_reply({"body": wanted.raw, "headers": headers})
        if "status" in reply:
            response = error_response(str(reply.get("error", "It broke.")), int(reply["status"]))
            response.headers.update(cast("dict[str, str]", reply.get("headers", {})))
            return response
        return _stream(play(script, reply))


def _load(model: str) -> Response:
    profile = parse_profile(model)
    try:
        may_fail(model, profile)
    except LoadFailure:
        return error_response("This request was to fail.", 500, "server_error")
    return _stream(stream_load(model, profile))


def _stream(chunks: AsyncGenerator[bytes]) -> StreamingResponse:
    return StreamingResponse(
        chunks, media_type="text/event-stream", headers={"Cache-Control": "no-cache"}
    )


async def _bad_request(_: Request, error: Exception) -> Response:
    return error_response(str(error), 400)


async def _live(_: Request) -> Response:
    return JSONResponse(health.LIVE)


async def _ready(_: Request) -> Response:
    status, body = health.readiness({})
    return JSONResponse(body, status_code=status)


async def _metrics(_: Request) -> Response:
    body, content_type = health.metrics()
    return Response(body, media_type=content_type)
