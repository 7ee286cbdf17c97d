"""Public keys of an issuer, which come and go."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import httpx
import pytest

from shared.errors import Unavailable
from shared.service_tokens import JWKS_MAX_AGE_S, JWKS_REFETCH_S, JwksSource, SigningKey


@dataclass
class Issuer:
    """Publishes these keys, or is away."""

    keys: list[SigningKey]
    is_away: bool = False
    asked: int = 0
    now_s: float = 0.0
    source: JwksSource = field(init=False)

    async def answer(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            return httpx.Response(503)
        published = [key.public_jwks()["keys"][0] for key in self.keys]
        return httpx.Response(200, json={"keys": published})

    async def knows(self, key: SigningKey) -> bool:
        found = await self.source.key_set(key.key_id)
        return key.key_id in {one.kid for one in found.keys}


@pytest.fixture
async def issuer() -> AsyncGenerator[Issuer]:
    made = Issuer([SigningKey.generate()])
    async with httpx.AsyncClient(transport=httpx.MockTransport(made.answer)) as http:
        made.source = JwksSource("http://issuer.test/jwks", http, lambda: made.now_s)
        yield made


async def test_keys_are_fetched_once_for_all_who_wait_for_the_first(issuer: Issuer) -> None:
    (key,) = issuer.keys
    assert all(await asyncio.gather(*(issuer.knows(key) for _ in range(5))))
    assert issuer.asked == 1


async def test_a_new_key_is_found_at_once_and_invented_ones_make_no_flood(issuer: Issuer) -> None:
    await issuer.knows(issuer.keys[0])
    issuer.now_s += JWKS_REFETCH_S
    issuer.keys.append(SigningKey.generate())
    assert await issuer.knows(issuer.keys[1])
    assert not any([await issuer.knows(SigningKey.generate()) for _ in range(5)])
    assert issuer.asked == 2


async def test_a_key_that_was_taken_back_counts_for_minutes_and_no_longer(issuer: Issuer) -> None:
    (stolen,) = issuer.keys
    await issuer.knows(stolen)
    issuer.keys = [SigningKey.generate()]
    issuer.now_s += JWKS_MAX_AGE_S - 1
    assert await issuer.knows(stolen)
    issuer.now_s += 1
    assert not await issuer.knows(stolen)


async def test_while_the_issuer_is_away_its_keys_stay_good_and_it_is_asked_now_and_then(
    issuer: Issuer,
) -> None:
    (key,) = issuer.keys
    await issuer.knows(key)
    issuer.is_away = True
    issuer.now_s += 10 * JWKS_MAX_AGE_S
    assert all([await issuer.knows(key) for _ in range(5)])
    assert issuer.asked == 2
    issuer.now_s += JWKS_REFETCH_S
    assert await issuer.knows(key)
    assert issuer.asked == 3


async def test_without_any_keys_one_is_told_to_wait_and_each_tries_again(issuer: Issuer) -> None:
    issuer.is_away = True
    with pytest.raises(Unavailable):
        await issuer.knows(issuer.keys[0])
    issuer.is_away = False
    assert await issuer.knows(issuer.keys[0])
