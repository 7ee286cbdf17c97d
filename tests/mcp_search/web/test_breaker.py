"""A provider that keeps failing is left alone, and then tried by one."""

from support.reading import Clock

from mcp_search.web.breaker import Breaker


def test_after_a_rest_only_one_tries_until_it_is_known_how_that_went() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(5):
        assert breaker.may_try()
        breaker.failed()
    assert not breaker.may_try()
    clock.now_s += 61
    assert (breaker.may_try(), breaker.may_try()) == (True, False)
    breaker.given_up()
    assert (breaker.may_try(), breaker.may_try()) == (True, False)
    breaker.answered()
    assert (breaker.may_try(), breaker.may_try()) == (True, True)


def test_one_answer_forgives_all_failures() -> None:
    breaker = Breaker(Clock())
    for _ in range(4):
        breaker.failed()
    breaker.answered()
    for _ in range(4):
        breaker.failed()
    assert breaker.may_try()


def test_a_rest_is_as_long_as_asked_for_and_at_most_an_hour() -> None:
    breaker = Breaker(Clock())
    breaker.throttled(None)
    assert breaker.rests_s == 60
    breaker.throttled(86_400)
    assert breaker.rests_s == 3_600
