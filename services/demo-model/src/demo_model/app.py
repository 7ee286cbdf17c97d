"""Builds the HTTP application: an OpenAI-compatible API that accepts any key, or none."""

from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo_model import chat
from demo_model.embeddings import embeddings
from demo_model.errors import SERVER_ERROR, BadRequest, error_response
from demo_model.load import PREFIX as LOAD_PREFIX
from demo_model.load import Failures, parse_profile, stream_load, whole_load
from demo_model.request import ChatRequest, EmbeddingsRequest, read_object, validated
from demo_model.script_routes import ScriptRoutes
from demo_model.scripts import PREFIX as SCRIPT_PREFIX
from demo_model.settings import Settings
from demo_model.sse import EventStream
from shared import health

log = structlog.get_logger()


def create_app(settings: Settings, *, scripts_allowed: bool = False) -> Starlette:
    """The application; scripts are for tests and off unless allowed."""
    scripts = ScriptRoutes() if scripts_allowed else None
    server = _Server(settings, scripts)
    routes = [
        Route("/v1/models", server.models),
        Route("/v1/models/{name:path}", server.model),
        Route("/v1/chat/completions", server.complete, methods=["POST"]),
        Route("/v1/embeddings", _embeddings, methods=["POST"]),
        Route("/live", _live),
        Route("/ready", _ready),
        Route("/metrics", _metrics),
        *(scripts.routes() if scripts is not None else []),
    ]
    handlers = {BadRequest: _bad_request, HTTPException: _http_error, Exception: _broken}
    return Starlette(routes=routes, exception_handlers=handlers)


class _Server:
    def __init__(self, settings: Settings, scripts: ScriptRoutes | None) -> None:
        self._settings = settings
        self._scripts = scripts
        self._failures = Failures()

    async def models(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": [_model(name) for name in self._names()]})

    async def model(self, request: Request) -> Response:
        name = str(request.path_params["name"])
        if name not in self._names():
            return _no_such_model(name)
        return JSONResponse(_model(name))

    async def complete(self, request: Request) -> Response:
        raw = await read_object(request)
        wanted = validated(ChatRequest, raw)
        if wanted.model.startswith(LOAD_PREFIX):
            return await self._load(wanted)
        if wanted.model.startswith(SCRIPT_PREFIX) and self._scripts is not None:
            return await self._scripts.play(wanted, raw, request)
        if wanted.model != chat.MODEL:
            return _no_such_model(wanted.model)
        completion = chat.complete(wanted, chat.now_utc())
        log.info("chat_completed", calls=len(completion.calls), characters=len(completion.text))
        if not wanted.stream:
            return JSONResponse(completion.body())
        word_delay_s = self._settings.word_delay_ms / 1_000
        return EventStream(
            chat.streamed(completion, word_delay_s=word_delay_s, with_usage=wanted.wants_usage)
        )

    async def _load(self, wanted: ChatRequest) -> Response:
        profile = parse_profile(wanted.model)
        if self._failures.next_fails(wanted.model, profile):
            return error_response("This request was to fail.", 500, SERVER_ERROR)
        if not wanted.stream:
            return JSONResponse(await whole_load(profile))
        return EventStream(stream_load(profile, with_usage=wanted.wants_usage))

    def _names(self) -> list[str]:
        return [chat.MODEL, *(self._scripts.model_names() if self._scripts is not None else [])]


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "steward"}


def _no_such_model(name: str) -> Response:
    message = f"The model `{name[:100]}` does not exist here; there is `{chat.MODEL}`."
    return error_response(message, 404, param="model", code="model_not_found")


async def _embeddings(request: Request) -> Response:
    return JSONResponse(embeddings(validated(EmbeddingsRequest, await read_object(request))))


async def _bad_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, BadRequest)  # noqa: S101 - registered for it
    return error_response(error.message, error.status, param=error.param)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    message = f"{request.method} {request.url.path}: {error.detail}."
    response = error_response(message, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _broken(_: Request, __: Exception) -> Response:
    """The last resort; the server logs the traceback."""
    return error_response("Something went wrong on our side. It was logged.", 500, SERVER_ERROR)


async def _live(_: Request) -> Response:
    return JSONResponse(health.LIVE)


async def _ready(_: Request) -> Response:
    status, body = health.readiness({})
    return JSONResponse(body, status_code=status)


async def _metrics(_: Request) -> Response:
    body, content_type = health.metrics()
    return Response(body, media_type=content_type)
