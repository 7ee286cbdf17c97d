"""Which vectors may be near by their signs: none that is near may be left out."""

import numpy as np
import pytest

from mcp_search.knowledge.store.sqlite.signs import likeliest, numbers_of, signs_of

EVERY = 4_000
MOST = 400
NEAREST = 10


@pytest.mark.parametrize("dimension", [384, 101])
def test_the_nearest_are_among_the_likeliest(dimension: int) -> None:
    random = np.random.default_rng(7)
    vectors = random.standard_normal((EVERY, dimension), dtype=np.float32)
    question = random.standard_normal(dimension, dtype=np.float32)
    # As a subject's passages stand together, the nearest ones are nearer than chance would have them.
    vectors[:NEAREST] = question + 0.8 * vectors[:NEAREST]
    places = random.permutation(EVERY)
    rows = [
        (numbers_of(some), signs_of(vectors[some]))
        for some in np.array_split(places, [1, 65, 1_200, 1_201])
    ]
    likely = likeliest(rows, question, MOST)
    assert len(likely) == len(set(likely)) == MOST
    assert set(range(NEAREST)) <= set(likely)


def test_where_there_are_few_all_are_likely() -> None:
    vectors = np.eye(3, 8, dtype=np.float32)
    rows = [(numbers_of(np.array([7, 9, 11])), signs_of(vectors))]
    assert sorted(likeliest(rows, -vectors[0], 3)) == [7, 9, 11]
    assert likeliest([], vectors[0], 3) == []
