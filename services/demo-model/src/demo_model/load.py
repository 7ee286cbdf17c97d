"""Replies for load tests: how fast, how long and how often failing stands in the model's name.

`load:ttft=200,delay=20,tokens=128,errors=0.01,seed=1`: 200 ms to the first token, one every 20 ms after it, 128 in
all, one request in a hundred fails. Each chunk carries when it was sent (`x_sent_ns`, CLOCK_MONOTONIC), so that a
reader on the same machine can tell how long it took to arrive.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, fields

from demo_model.errors import BadRequest
from demo_model.sse import DONE

PREFIX = "load:"
MAX_TOKENS = 1_000_000
BATCH = 64
"""Tokens written at once when there is no delay between them."""


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """Times in milliseconds, `errors` as a share of requests."""

    ttft: float = 0
    delay: float = 0
    tokens: int = 128
    errors: float = 0
    seed: int = 0


class LoadFailure(Exception):
    """This request is one of those that are to fail."""


_failures: dict[str, random.Random] = {}


def parse_profile(model: str) -> LoadProfile:
    """Raises BadRequest naming the part that is wrong."""
    values: dict[str, float] = {}
    known = {field.name for field in fields(LoadProfile)}
    for part in filter(None, model.removeprefix(PREFIX).split(",")):
        name, _, value = part.partition("=")
        try:
            values[name] = float(value)
        except ValueError:
            raise BadRequest(f"`{part}` in the model's name is not NAME=NUMBER.") from None
        if name not in known or values[name] < 0:
            raise BadRequest(
                f"`{part}` in the model's name is not known; there are {', '.join(sorted(known))}."
            )
    tokens = int(values.pop("tokens", 128))
    if tokens > MAX_TOKENS:
        raise BadRequest(f"At most {MAX_TOKENS:,} tokens.")
    return LoadProfile(
        ttft=values.get("ttft", 0),
        delay=values.get("delay", 0),
        tokens=tokens,
        errors=values.get("errors", 0),
        seed=int(values.get("seed", 0)),
    )


def may_fail(model: str, profile: LoadProfile) -> None:
    """Raises LoadFailure for the share of requests that is to fail, in an order fixed by the seed."""
    chance = _failures.setdefault(model, random.Random(profile.seed))  # noqa: S311 - not a secret
    if profile.errors and chance.random() < profile.errors:
        raise LoadFailure


async def stream_load(model: str, profile: LoadProfile) -> AsyncGenerator[bytes]:
    """Tokens on an absolute schedule: a late one does not delay those after it."""
    head = (
        b'data: {"id":"chatcmpl-load","object":"chat.completion.chunk","created":0,"model":"load",'
        b'"choices":[{"index":0,"delta":{"content":"'
    )
    del model
    loop = asyncio.get_running_loop()
    start = loop.time() + profile.ttft / 1_000
    delay_s = profile.delay / 1_000
    number = 0
    while number < profile.tokens:
        await _until(loop, start + number * delay_s)
        count = 1 if delay_s else min(BATCH, profile.tokens - number)
        sent = b'","x_sent_ns":%d},"finish_reason":null}]}\n\n' % time.monotonic_ns()
        yield b"".join(head + b"tok%d " % (number + i) + sent for i in range(count))
        number += count
    yield (
        b'data: {"id":"chatcmpl-load","object":"chat.completion.chunk","created":0,"model":"load",'
        b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    ) + DONE


async def _until(loop: asyncio.AbstractEventLoop, at: float) -> None:
    wait_s = at - loop.time()
    await asyncio.sleep(max(0.0, wait_s))
