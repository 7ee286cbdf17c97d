"""Replies for load tests: how fast, how long and how often failing stands in the model's name.

`load:ttft=200,delay=20,tokens=128,errors=0.01,seed=1`: 200 ms to the first token, one every 20 ms after it, 128 in
all, one request in a hundred fails. Each chunk's delta carries when it was sent (`x_sent_ns`, CLOCK_MONOTONIC), so
that a reader on the same machine can tell how long it took to arrive.
"""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from demo_model.errors import BadRequest
from demo_model.sse import DONE, chunk, event, usage_chunk

PREFIX = "load:"
BATCH = 64
"""Tokens written at once when so many are due: each is still an event of its own."""
KEPT_PROFILES = 1_000
PROMPT_TOKENS = 8

_ID = "chatcmpl-load"
_MODEL = "load"
_BEFORE_TOKEN, _rest = event(chunk(_ID, _MODEL, {"content": "<TOKEN>", "x_sent_ns": -1})).split(
    b"<TOKEN>"
)
_AFTER_TOKEN, _AFTER_TIME = _rest.split(b"-1")


class LoadProfile(BaseModel):
    """Times in milliseconds, `errors` as a share of the requests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ttft: Annotated[float, Field(ge=0, le=600_000, allow_inf_nan=False)] = 0
    delay: Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)] = 0
    tokens: Annotated[int, Field(ge=0, le=1_000_000)] = 128
    errors: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0
    seed: int = 0

    @property
    def usage(self) -> dict[str, int]:
        return {
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": self.tokens,
            "total_tokens": PROMPT_TOKENS + self.tokens,
        }


class Failures:
    """Decides which requests fail: per model name, in an order fixed by the seed."""

    def __init__(self) -> None:
        self._chances: OrderedDict[str, random.Random] = OrderedDict()

    def next_fails(self, model: str, profile: LoadProfile) -> bool:
        if not profile.errors:
            return False
        chance = self._chances.setdefault(model, random.Random(profile.seed))  # noqa: S311 - no secret
        if len(self._chances) > KEPT_PROFILES:
            self._chances.popitem(last=False)
        return chance.random() < profile.errors


def parse_profile(model: str) -> LoadProfile:
    """The profile in a model's name.

    Raises:
        BadRequest: naming the part that is wrong.
    """
    values: dict[str, str] = {}
    for part in filter(None, model.removeprefix(PREFIX).split(",")):
        name, _, value = part.partition("=")
        values[name.strip()] = value.strip()
    try:
        return LoadProfile.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        is_unknown = problem["type"] == "extra_forbidden"
        fact = "is not known" if is_unknown else f"is not usable: {problem['msg']}"
        known = ", ".join(LoadProfile.model_fields)
        raise BadRequest(
            f"`{problem['loc'][0]}` in the model's name {fact}. There are {known}.", param="model"
        ) from None


async def stream_load(profile: LoadProfile, *, with_usage: bool = False) -> AsyncGenerator[bytes]:
    """Tokens on an absolute schedule: a late one does not delay those after it."""
    loop = asyncio.get_running_loop()
    start = loop.time() + profile.ttft / 1_000
    delay_s = profile.delay / 1_000
    number = 0
    while number < profile.tokens:
        await asyncio.sleep(max(0.0, start + number * delay_s - loop.time()))
        due = int((loop.time() - start) / delay_s) + 1 - number if delay_s else BATCH
        count = min(max(1, due), BATCH, profile.tokens - number)
        yield _tokens(number, count)
        number += count
    end = event(chunk(_ID, _MODEL, {}, "stop"))
    usage = event(usage_chunk(_ID, _MODEL, profile.usage)) if with_usage else b""
    yield end + usage + DONE


def _tokens(first: int, count: int) -> bytes:
    sent = b"%s%d%s" % (_AFTER_TOKEN, time.monotonic_ns(), _AFTER_TIME)
    return b"".join(
        b"%stok%d %s" % (_BEFORE_TOKEN, number, sent) for number in range(first, first + count)
    )


async def whole_load(profile: LoadProfile) -> dict[str, Any]:
    """The same in one answer, after the time the stream would have taken."""
    duration_ms = profile.ttft + profile.delay * max(0, profile.tokens - 1)
    await asyncio.sleep(duration_ms / 1_000)
    text = "".join(f"tok{number} " for number in range(profile.tokens))
    message = {"role": "assistant", "content": text}
    return {
        "id": _ID,
        "object": "chat.completion",
        "created": 0,
        "model": _MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": profile.usage,
    }
