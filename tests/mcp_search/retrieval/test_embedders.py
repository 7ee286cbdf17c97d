"""The embedders: what they give, how they fail, what they keep to themselves."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs
from support.embeddings_endpoint import Answer, Endpoint, embedded, rows, status, unit
from support.servers import serving
from tenacity import wait_none

from mcp_search.config import Embeddings
from mcp_search.errors import KnowledgeAway
from mcp_search.knowledge.embedding import builtin
from mcp_search.knowledge.embedding.builtin import BuiltinEmbedder
from mcp_search.knowledge.embedding.endpoint import ATTEMPTS, EndpointEmbedder
from mcp_search.knowledge.embedding.making import make_embedder
from mcp_search.knowledge.embedding.questions import KEPT_S, MOST, QuestionVectors
from mcp_search.knowledge.model import EmbeddingModel
from shared.config_file import Secret

KEY = "sk-secret"


@asynccontextmanager
async def _asking(
    endpoint: Endpoint, *, batch: int = 2, dimension: int = 3
) -> AsyncGenerator[EndpointEmbedder]:
    async with serving(endpoint.app) as url:
        embedder = EndpointEmbedder(
            url=f"{url}/v1",
            model=EmbeddingModel("text-embedding", dimension),
            max_tokens=8_000,
            key=KEY,
            batch=batch,
            wait=wait_none(),
        )
        yield embedder
        await embedder.close()


# On this machine


async def test_texts_that_mean_the_same_are_near_and_batches_do_not_matter() -> None:
    embedder = BuiltinEmbedder()
    texts = ["A kitten sleeps.", "x " * 400, "The stock market fell.", "", "A young cat is asleep."]
    vectors = await embedder.embed(texts)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[4] > 0.6 > 0.4 > vectors[0] @ vectors[2]
    alone = await embedder.embed_query(texts[0])
    assert alone.shape == (1, 384)
    # Quantised to eight bits as a whole batch, so not to the last digit.
    assert alone[0] @ vectors[0] > 0.98
    assert (await embedder.embed([])).shape == (0, 384)
    await embedder.close()


async def test_tokens_are_counted_as_the_model_sees_them() -> None:
    embedder = BuiltinEmbedder()
    assert embedder.max_tokens == 254
    assert embedder.count("hello world") == 2
    assert embedder.count("word " * 254) == 254
    assert embedder.count("word " * 400) > embedder.max_tokens
    await embedder.close()


async def test_another_model_than_the_one_pinned_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not it")
    monkeypatch.setattr(builtin, "model_path", lambda: tmp_path / "model.onnx")
    embedder = BuiltinEmbedder()
    with pytest.raises(KnowledgeAway, match="not the one"):
        await embedder.embed_query("a")
    monkeypatch.setattr(builtin, "model_path", lambda: tmp_path / "gone.onnx")
    with pytest.raises(KnowledgeAway, match="not installed"):
        await embedder.embed_query("a")
    await embedder.close()


# An endpoint


async def test_an_endpoint_is_asked_in_batches_and_its_rows_are_put_in_order() -> None:
    endpoint = Endpoint([embedded])
    async with _asking(endpoint) as embedder:
        vectors = await embedder.embed(["a", "bb", "ccc"])
        assert (await embedder.embed([])).shape == (0, 3)
    assert [body["input"] for body in endpoint.asked] == [["a", "bb"], ["ccc"]]
    assert endpoint.asked[0]["model"] == "text-embedding"
    assert endpoint.keys == {f"Bearer {KEY}"}
    assert np.allclose(vectors, [unit(1, 1, 2), unit(2, 2, 2), unit(3, 1, 2)])


@pytest.mark.parametrize("first", [status(429, **{"retry-after": "0"}), status(500), status(503)])
async def test_an_endpoint_that_is_busy_is_asked_again(first: Answer) -> None:
    endpoint = Endpoint([first, first, embedded])
    async with _asking(endpoint) as embedder:
        assert (await embedder.embed(["a"])).shape == (1, 3)
    assert len(endpoint.asked) == 3


@pytest.mark.parametrize(
    ("answer", "times", "said"),
    [
        (status(500), ATTEMPTS, "answers 500"),
        (status(429), ATTEMPTS, "answers 429"),
        (status(401), 1, "401"),
        (status(302, location="http://127.0.0.1:1/"), 1, "302"),
        (status(200), 1, "not one"),
        (rows([1.0, 2.0]), 1, "2 numbers"),
        (rows(), 1, "leaves texts out"),
        (rows([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]), 1, "leaves texts out"),
        (rows([0.0, 0.0, 0.0]), 1, "direction"),
    ],
)
async def test_what_an_endpoint_does_wrong_is_told_without_the_key(
    answer: Answer, times: int, said: str
) -> None:
    endpoint = Endpoint([answer])
    with capture_logs() as logs:
        async with _asking(endpoint) as embedder:
            with pytest.raises(KnowledgeAway, match=said) as problem:
                await embedder.embed_query("a")
    assert len(endpoint.asked) == times
    assert KEY not in str(problem.value.as_data()) + repr(problem.value) + str(logs)


async def test_an_endpoint_that_is_not_there_is_told() -> None:
    embedder = EndpointEmbedder(
        url="http://127.0.0.1:1/v1",
        model=EmbeddingModel("m", 3),
        max_tokens=10,
        key=None,
        batch=1,
        wait=wait_none(),
    )
    with pytest.raises(KnowledgeAway, match="cannot be reached"):
        await embedder.embed(["a"])
    await embedder.close()


async def test_a_question_is_embedded_once_and_a_failure_is_not_kept() -> None:
    endpoint = Endpoint([status(401), embedded])
    async with _asking(endpoint) as embedder:
        with pytest.raises(KnowledgeAway):
            await embedder.embed_query("Why?")
        first = await embedder.embed_query("Why?")
        assert await embedder.embed_query("Why?") is first
    assert len(endpoint.asked) == 2


async def test_vectors_of_questions_are_kept_for_an_hour_and_not_without_end() -> None:
    now = [0.0]
    kept = QuestionVectors(lambda: now[0])
    asked: list[str] = []

    async def get(text: str) -> None:
        async def embed() -> np.ndarray:
            asked.append(text)
            return np.ones((1, 1), dtype=np.float32)

        await kept.get(text, embed)

    await get("a")
    now[0] = KEPT_S - 1
    await get("a")
    now[0] = KEPT_S
    await get("a")
    assert asked == ["a", "a"]
    for number in range(MOST):
        await get(str(number))
    await get("a")
    assert asked.count("a") == 3


# By configuration


async def test_the_configuration_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDDINGS_KEY", KEY)
    named = {"url": "http://127.0.0.1:1/v1", "model": "m", "dimension": 3}
    secret = Secret(env="EMBEDDINGS_KEY")
    made = [
        make_embedder(Embeddings()),
        make_embedder(Embeddings.model_validate({"kind": "openai", **named, "key": secret})),
        make_embedder(Embeddings(kind="none")),
    ]
    assert [one.model.dimension for one in made] == [384, 3, 0]
    assert made[1].count("Grüße") == 3
    assert (await made[2].embed(["a", "b"])).shape == (2, 0)
    assert (await made[2].embed_query("a")).shape == (1, 0)
    for one in made:
        await one.close()
