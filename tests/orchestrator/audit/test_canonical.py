"""Equal values have one spelling, whatever they were made of."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.audit.canonical import canonical, digest

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}'),
        ({"ä": "Größe 🙂"}, '{"ä":"Größe 🙂"}'),
        ('"\\\n\x00\x1f\u2028', '"\\"\\\\\\n\\u0000\\u001f\u2028"'),
        ("half of \ud83d a pair", '"half of \\ud83d a pair"'),
        ([2**70, 0.1, 1e300], "[1180591620717411303424,0.1,1e+300]"),
        ({"a": [math.nan, math.inf], "b": 1.5}, '{"a":[null,null],"b":1.5}'),
    ],
)
def test_each_value_has_one_spelling(value: object, text: str) -> None:
    assert canonical(value) == text


@given(JSON)
def test_the_text_reads_back_as_the_value_and_can_always_be_hashed(value: object) -> None:
    assert json.loads(canonical(value)) == value
    assert len(digest(value)) == 64


@given(st.dictionaries(st.text(), JSON))
def test_the_order_of_members_does_not_matter(value: dict[str, object]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)
