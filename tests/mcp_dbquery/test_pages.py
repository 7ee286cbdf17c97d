"""Pages of a result: what a cursor opens, for whom, and that pages agree."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from support.dbquery import Desk, open_desk, person
from support.tool_calls import answer, problem, said
from support.valkey import valkey

from mcp_dbquery.pages import Cursors, Place, new_query_id
from mcp_dbquery.results import Format
from mcp_dbquery.spool import MemorySpool

FORMATS: list[Format] = ["table", "records", "markdown", "csv"]
PLACES = st.builds(
    Place,
    st.binary(min_size=16, max_size=16).map(bytes.hex),
    st.integers(0, 2**32 - 1),
    st.integers(1, 5_000),
    st.sampled_from(FORMATS),
)
CURSORS = Cursors(b"k" * 32, clock=lambda: 1_000.0)


@given(PLACES, st.text(max_size=50))
def test_a_cursor_leads_to_its_place_for_its_person(place: Place, who: str) -> None:
    assert CURSORS.open(CURSORS.seal(place, who, 10), who) == place


@given(PLACES, st.text(max_size=20), st.text(max_size=20))
def test_a_cursor_opens_nothing_for_anybody_else(place: Place, who: str, other: str) -> None:
    cursor = CURSORS.seal(place, who, 10)
    assert (CURSORS.open(cursor, other) is None) == (who != other)
    assert Cursors(b"l" * 32, clock=CURSORS.clock).open(cursor, who) is None


@given(PLACES, st.data())
def test_a_cursor_that_was_changed_anywhere_opens_nothing(
    place: Place, data: st.DataObject
) -> None:
    cursor = CURSORS.seal(place, "ada", 10)
    at = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.characters().filter(lambda one: one != cursor[at]))
    assert CURSORS.open(cursor[:at] + letter + cursor[at + 1 :], "ada") is None


@given(st.text(max_size=120))
def test_any_other_text_opens_nothing(text: str) -> None:
    assert CURSORS.open(text, "ada") is None


def test_a_cursor_ends_with_its_lifetime() -> None:
    cursor = CURSORS.seal(Place(new_query_id(), 0, 1, "csv"), "ada", 10)
    assert Cursors(CURSORS.key, clock=lambda: 1_010.0).open(cursor, "ada") is not None
    assert Cursors(CURSORS.key, clock=lambda: 1_011.0).open(cursor, "ada") is None


async def all_pages(desk: Desk, sql: str, **arguments: Any) -> list[dict[str, Any]]:
    pages = [await desk.query(sql, **arguments)]
    while "next_cursor" in pages[-1]:
        pages.append(answer(await desk.call("query", {"cursor": pages[-1]["next_cursor"]})))
    return pages


async def test_pages_give_every_row_once_in_order_and_say_where_they_stand(desk: Desk) -> None:
    pages = await all_pages(desk, "SELECT id FROM comments ORDER BY id", max_rows=700)
    assert [row for page in pages for row in page["rows"]] == [[i] for i in range(1, 1_901)]
    assert [(page["offset"], page["row_count"]) for page in pages] == [
        (0, 700),
        (700, 700),
        (1_400, 500),
    ]
    assert [page["truncated"] for page in pages] == [True, True, False]
    assert len({page["query_id"] for page in pages}) == 1
    assert "rows 701 to 1,400 of 1,900" in pages[1]["warnings"][0]


async def test_pages_agree_though_the_database_has_changed(desk: Desk) -> None:
    first = await desk.query("SELECT id FROM comments ORDER BY id", max_rows=1_000)
    connection = sqlite3.connect(desk.database)
    connection.execute("DELETE FROM comments")
    connection.commit()
    connection.close()
    second = answer(await desk.call("query", {"cursor": first["next_cursor"]}))
    assert second["rows"][0] == [1_001]


@pytest.mark.parametrize("shape", FORMATS)
async def test_later_pages_look_like_the_first(desk: Desk, shape: Format) -> None:
    first, second = await all_pages(
        desk, "SELECT id, name FROM projects ORDER BY id", max_rows=5, format=shape
    )
    assert first.keys() - {"next_cursor"} == second.keys()
    assert (first["row_count"], second["row_count"]) == (5, 3)


async def test_reading_stops_at_the_limit_and_the_last_page_says_so(
    sample: Path, tmp_path: Path
) -> None:
    (tmp_path / "sample.db").write_bytes(sample.read_bytes())
    async with open_desk(tmp_path, None, read_rows=30) as desk:
        pages = await all_pages(desk, "SELECT id FROM comments", max_rows=20)
    assert [page["row_count"] for page in pages] == [20, 10]
    assert "of more than 30" in pages[0]["warnings"][0]
    assert pages[1]["truncated"] is True
    assert "there are more. Filter or aggregate." in pages[1]["warnings"][0]


async def test_a_page_never_outgrows_its_bytes(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "sample.db").write_bytes(sample.read_bytes())
    async with open_desk(tmp_path, None, page_bytes=3_000) as desk:
        for shape in FORMATS:
            pages = await all_pages(
                desk,
                "SELECT id, body FROM comments ORDER BY id LIMIT 90",
                max_rows=90,
                format=shape,
            )
            assert len(pages) > 1
            assert sum(page["row_count"] for page in pages) == 90
            for page in pages:
                shown = page.get("text") or page.get("records") or page["rows"]
                assert len(str(shown)) < 3_300
    async with open_desk(tmp_path, None, page_bytes=20) as desk:
        assert "One row is larger than a page" in await desk.refusal("SELECT body FROM comments")


WRONG = "There is no such page any more."


async def test_a_cursor_of_somebody_else_reads_like_one_that_is_none(desk: Desk) -> None:
    first = await desk.query("SELECT id FROM comments", max_rows=10)
    cursor = first["next_cursor"]
    runner = desk.parts.queries
    for stranger in (
        person("bob", ["member"]),
        person("ada", ["member"], tenant="other"),
        person("ada", []),  # the same person without the role the rows were read with
    ):
        with pytest.raises(Exception, match=WRONG):
            await runner.next_page(cursor, stranger)
    for wrong in ("", "x", cursor[:-1], cursor + "A", cursor.swapcase()):
        result = await desk.call("query", {"cursor": wrong})
        told = problem(result)
        assert (told["code"], told["message"]) == ("cursor_expired", WRONG)
    assert (await runner.next_page(cursor, person("ada", ["member"]))).structured["offset"] == 10


async def test_what_is_not_kept_any_more_is_gone_and_said_to_be(desk: Desk) -> None:
    first = await desk.query("SELECT id FROM comments", max_rows=10)
    spool = desk.parts.queries.spool
    assert isinstance(spool, MemorySpool)
    spool.clock = lambda: float("inf")
    result = await desk.call("query", {"cursor": first["next_cursor"]})
    assert WRONG in said(result)


async def test_without_room_for_the_rest_there_is_no_cursor_and_it_is_said(
    sample: Path, tmp_path: Path
) -> None:
    (tmp_path / "sample.db").write_bytes(sample.read_bytes())
    async with open_desk(tmp_path, None, spool_bytes=100) as desk:
        result = await desk.query("SELECT id FROM comments", max_rows=10)
    assert "next_cursor" not in result
    assert result["truncated"] is True
    assert "could not be kept" in result["warnings"][0]


async def test_a_query_without_sql_and_cursor_is_told_what_is_missing(desk: Desk) -> None:
    assert "sql: is required" in said(await desk.call("query", {}))


async def test_a_page_can_be_had_of_another_replica(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "sample.db").write_bytes(sample.read_bytes())
    with valkey() as store:
        shared = {"redis_url": store.url, "cursor_key": SecretStr("k" * 32)}
        async with open_desk(tmp_path, None, settings=shared) as one:
            first = await one.query("SELECT id FROM comments ORDER BY id", max_rows=10)
            async with open_desk(tmp_path, None, settings=shared) as other:
                page = await other.call("query", {"cursor": first["next_cursor"]})
        assert answer(page)["rows"][0] == [11]
        async with open_desk(tmp_path, None, settings={"redis_url": store.url}) as stranger:
            assert (await stranger.call("query", {"cursor": first["next_cursor"]})).is_error
