"""A call's limit counts the server's time only. The times here are short, and real."""

import asyncio

import pytest

from orchestrator.tools.call_clock import CallClock

LIMIT_S = 0.05


async def test_it_stands_still_until_the_last_question_is_answered() -> None:
    clock = CallClock(LIMIT_S)
    async with clock.running():
        with clock.stopped():
            with clock.stopped():
                pass
            await asyncio.sleep(2 * LIMIT_S)


async def test_it_goes_on_where_it_stood() -> None:
    clock = CallClock(LIMIT_S)

    async def work_and_be_asked_and_work() -> None:
        async with clock.running():
            await asyncio.sleep(0.8 * LIMIT_S)
            with clock.stopped():
                pass
            await asyncio.sleep(0.8 * LIMIT_S)

    with pytest.raises(TimeoutError):
        await work_and_be_asked_and_work()


async def test_a_question_may_outlive_its_call() -> None:
    clock = CallClock(LIMIT_S)
    async with clock.running():
        question = clock.stopped()
        question.__enter__()
    question.__exit__(None, None, None)
