"""Shapes of rows, and what is taken out of texts."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue
from support.dbquery import Desk
from support.tool_calls import answer, said

from mcp_dbquery.cleaning import clean, clean_rows, is_clean
from mcp_dbquery.formats import FORMULA_STARTS, csv_text, distinct, markdown, records

CELLS: st.SearchStrategy[JsonValue] = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20)
)
NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=5)
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[JsonValue]]]:
    names = draw(NAMES)
    row = st.lists(CELLS, min_size=len(names), max_size=len(names))
    return names, draw(st.lists(row, max_size=5))


@given(NAMES)
def test_columns_of_the_same_name_get_names_of_their_own(names: list[str]) -> None:
    given = distinct(names)
    assert len(set(given)) == len(names)
    assert all(new.startswith(old) for new, old in zip(given, names, strict=True))
    assert distinct(given) == given


@given(tables())
def test_records_hold_every_value(table: tuple[list[str], list[list[JsonValue]]]) -> None:
    names, rows = table
    assert [list(record.values()) for record in records(names, rows)] == rows


@given(tables())
def test_a_markdown_table_has_one_line_a_row_and_no_cell_more(
    table: tuple[list[str], list[list[JsonValue]]],
) -> None:
    names, rows = table
    lines = re.split(r"\n", markdown(names, rows))
    assert len(lines) == len(rows) + 2
    for line in lines:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == len(names) + 1


@given(tables())
def test_csv_reads_back_but_for_formulas(table: tuple[list[str], list[list[JsonValue]]]) -> None:
    names, rows = table
    read = list(csv.reader(io.StringIO(csv_text(names, rows), newline="")))
    for line, row in zip(read[1:], rows, strict=True):
        for cell, value in zip(line or [""], row, strict=True):
            if isinstance(value, str):
                assert cell == (f"'{value}" if value.startswith(FORMULA_STARTS) else value)
                assert not cell.startswith(FORMULA_STARTS)


@pytest.mark.parametrize("start", "=+-@\t\r\n＝＋－＠")
def test_a_text_that_spreadsheets_run_is_made_one_that_they_do_not(start: str) -> None:
    [[_], [cell]] = csv.reader(io.StringIO(csv_text(["x"], [[f"{start}1+1"]]), newline=""))
    assert cell == f"'{start}1+1"


def test_numbers_below_zero_stay_numbers_in_csv() -> None:
    assert csv_text(["n"], [[-1], [-1.5], ["-1"]]) == "n\r\n-1\r\n-1.5\r\n'-1\r\n"


@given(st.text())
def test_clean_text_has_nothing_unseen_and_loses_nothing_else(text: str) -> None:
    expected = UNSEEN.sub("", text.replace("\r\n", "\n"))
    assert clean(text) == expected
    assert is_clean(text) == (UNSEEN.search(text) is None)


def test_ends_of_lines_are_no_reason_for_a_warning() -> None:
    assert clean_rows([["a\r\nb", 1, None]]) == ([["a\nb", 1, None]], 0)
    assert clean_rows([["a\x1b[2Jb"], ["c"]]) == ([["a[2Jb"], ["c"]], 1)


def test_what_is_unseen_leaves_json_values_too() -> None:
    hidden: JsonValue = {"k\u202e": ["\x1b[2J", {"x": "a\U000e0041"}], "n": 1}
    seen: JsonValue = {"k": ["[2J", {"x": "a"}], "n": 1}
    assert clean_rows([[hidden, 1], [seen, 2]]) == ([[seen, 1], [seen, 2]], 1)


HIDDEN = "char(0x202e) || 'x' || char(0xE0041) || char(27) || '[31m' AS t"


@pytest.mark.parametrize("shape", ["table", "records", "markdown", "csv"])
async def test_unseen_characters_never_leave_and_it_is_said(desk: Desk, shape: str) -> None:
    result = await desk.call("query", {"sql": f"SELECT {HIDDEN}", "format": shape})
    assert not UNSEEN.search(said(result).replace("\r\n", "\n"))
    told = answer(result)
    assert not UNSEEN.search(str(told.get("text", "")).replace("\r\n", "\n"))
    assert told["warnings"] == ["Unseen control characters were taken out of 1 values."]


async def test_each_format_says_the_same(desk: Desk) -> None:
    sql = "SELECT id, 'a|b' AS id, NULL AS x FROM projects ORDER BY 1 LIMIT 1"
    told = {
        shape: await desk.query(sql, format=shape)
        for shape in ("table", "records", "markdown", "csv")
    }
    assert told["table"]["rows"] == [[1, "a|b", None]]
    assert told["records"]["records"] == [{"id": 1, "id_2": "a|b", "x": None}]
    assert told["markdown"]["text"] == "| id | id | x |\n| --- | --- | --- |\n| 1 | a\\|b |  |"
    assert told["csv"]["text"] == "id,id,x\r\n1,a|b,\r\n"
    shown = await desk.call("query", {"sql": sql, "format": "csv"})
    assert said(shown) == told["csv"]["text"]
