"""A vendor's endpoints for embeddings and reranking: answers as it is told to, and notes what it was asked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Answer = Callable[[dict[str, Any]], Response]


def embedded(body: dict[str, Any]) -> Response:
    """As it should be: one vector a text, here of its length and its letters; not of length 1, and in any order."""
    rows = [
        {
            "object": "embedding",
            "index": place,
            "embedding": [float(len(text)), float(place + 1), 2.0],
        }
        for place, text in enumerate(body["input"])
    ]
    return JSONResponse({"object": "list", "data": rows[::-1], "model": body["model"]})


def rows(*vectors: list[float]) -> Answer:
    """These, whatever was asked."""
    data = [{"index": place, "embedding": vector} for place, vector in enumerate(vectors)]
    return lambda _: JSONResponse({"data": data})


def status(code: int, **headers: str) -> Answer:
    return lambda _: Response("the key is sk-secret", code, headers=headers)


def reranked(*scores: float) -> Answer:
    results = [{"index": place, "relevance_score": score} for place, score in enumerate(scores)]
    return lambda _: JSONResponse({"results": results[::-1]})


@dataclass
class Endpoint:
    """Gives the answers in their order, the last one again and again."""

    answers: list[Answer]
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    keys: set[str] = field(default_factory=set[str])

    @property
    def app(self) -> Starlette:
        paths = ("/v1/embeddings", "/v1/rerank")
        return Starlette(routes=[Route(path, self._answer, methods=["POST"]) for path in paths])

    async def _answer(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        self.keys.add(request.headers.get("authorization", ""))
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        return answer(body)


def unit(*numbers: float) -> list[float]:
    return list(np.array(numbers) / np.linalg.norm(numbers))
