"""Finding tables and columns by words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dbquery import Desk
from support.tool_calls import answer

from mcp_dbquery.engine import Catalog, Column, Relation
from mcp_dbquery.search import MOST_WORDS, search, singular, wanted_words, words


def catalog() -> Catalog:
    relations = (
        Relation("invoice_lines", "table", (Column("id", "int"), Column("netAmount", "num"))),
        Relation(
            "customers",
            "table",
            (Column("id", "int"), Column("city", "text", comment="Where the company sits.")),
            comment="Companies that buy from us.",
        ),
        Relation("tasks", "table", (Column("due_on", "date"), Column("status", "text"))),
        Relation("status_history", "view", (Column("task_id", "int"), Column("status", "text"))),
    )
    return Catalog({relation.name: relation for relation in relations})


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("customer", ("customers", None)),
        ("invoices", ("invoice_lines", None)),
        ("INVOICE LINE", ("invoice_lines", None)),
        ("amount of an invoice", ("invoice_lines", "netAmount")),
        ("net amount", ("invoice_lines", "netAmount")),
        ("companies", ("customers", None)),
        ("cities of customers", ("customers", "city")),
        ("when is it due", ("tasks", "due_on")),
        ("cust", ("customers", None)),
        ("task status", ("tasks", "status")),
    ],
)
def test_the_best_hit_is_what_was_meant(text: str, best: tuple[str, str | None]) -> None:
    hit = search(catalog(), text, 5)[0]
    assert (hit.table, hit.column) == best


@pytest.mark.parametrize("text", ["", "the of which", "!?", "zebra"])
def test_nothing_is_found_where_nothing_fits(text: str) -> None:
    assert search(catalog(), text, 5) == []


def test_a_column_of_the_table_that_was_named_comes_before_others_of_its_name() -> None:
    hits = [(hit.table, hit.column) for hit in search(catalog(), "history status", 10)]
    assert hits.index(("status_history", "status")) < hits.index(("tasks", "status"))


@given(st.text(max_size=60), st.integers(1, 10))
def test_hits_are_visible_names_in_a_stable_order(text: str, limit: int) -> None:
    hits = search(catalog(), text, limit)
    assert len(hits) <= limit
    assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.table, hit.column or ""))
    for hit in hits:
        relation = catalog().relations[hit.table]
        assert hit.column is None or hit.column in {column.name for column in relation.columns}


@pytest.mark.parametrize(
    ("one", "many"),
    [("task", "tasks"), ("story", "stories"), ("box", "boxes"), ("address", "addresses"),
     ("status", "status"), ("analysis", "analysis"), ("bus", "bus")],
)  # fmt: skip
def test_plurals_read_like_their_singulars(one: str, many: str) -> None:
    assert singular(many) == singular(one)


def test_names_are_words_however_they_are_written() -> None:
    assert words("orderItems") == words("order_items") == words("ORDER ITEMS") == ["order", "item"]
    assert words("HTTPStatus2") == ["http", "status", "2"]


async def test_the_tool_finds_in_the_sample(desk: Desk) -> None:
    found = answer(await desk.call("search_schema", {"text": "open bugs by severity", "limit": 3}))
    hits = [(hit["table"], hit["column"]) for hit in found["hits"]]
    assert ("bugs", None) in hits
    assert ("bugs", "severity") in hits


def test_a_flood_of_words_is_looked_for_in_part() -> None:
    catalog = Catalog({"t": Relation("t", "table", (Column("orders", "text"),))})
    flood = " ".join(f"word{'abcdefghij'[n % 10]}{'abcdefghij'[n // 10 % 10]}{'xyz'[n // 100]}"
                     for n in range(300))  # fmt: skip
    assert len(set(words(flood))) == 300
    assert len(wanted_words(flood)) == MOST_WORDS
    assert search(catalog, f"orders {flood}", 5)[0].column == "orders"
