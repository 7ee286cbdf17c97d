"""What a statement's text alone decides, without a server."""

import random
import re

import pytest
import sqlglot
from sqlglot import exp
from support.mysql_statements import ATTACKS, LEGITIMATE

from mcp_dbquery.engine import Catalog, Column, Relation
from mcp_dbquery.errors import StatementInvalid, StatementRefused, UnknownRelation
from mcp_dbquery.mysql.binding import bind
from mcp_dbquery.mysql.guard import judge, relations_of
from mcp_dbquery.mysql.text import read_text
from shared.mcp_server import Problem

LONGEST = 100_000
SEED = 20261121
MUTATIONS = 1_500
CATALOG = Catalog(
    {
        name: Relation(name, "table", (Column("id", "int"), Column("name", "text")))
        for name in ("customers", "order_lines", "orders", "products")
    }
)


def asked(sql: str) -> set[str]:
    return set(relations_of(judge(sql, LONGEST), CATALOG, "shop_safe"))


@pytest.mark.parametrize(
    ("sql", "rule", "position"),
    [
        ("SELECT 1; SELECT 2", "one_statement", 11),
        ("SELECT 1 /*! , 2 */", "executable_comment", 10),
        ("SELECT 1 /*M! , 2 */", "executable_comment", 10),
        ("SELECT /*+ NO_ICP(t) */ 1", "optimizer_hint", 8),
        ("SELECT 1--1", "ambiguous_comment", 9),
        ("SELECT @x", "variable", 8),
        ("SELECT a := 1", "variable", 10),
        ("SELECT 'a' || 'b'", "ambiguous_operator", 12),
        ("SELECT _latin1'x'", "introducer", 8),
        ("SELECT _latin1 'x'", "introducer", 8),
        ("SELECT n'x'", "introducer", 8),
        ("SELECT 2020_sales FROM t", "unusual_name", 8),
        ("SELECT t.2020 FROM t", "unusual_name", 10),
        ("SELECT `a``b`", "unusual_name", 8),
        ("SELECT größe", "unusual_character", 10),
        ("SELECT 1\u00a0", "unusual_character", 9),
        ("SELECT \x07", "control_character", 8),
        ("SELECT '\ud800'", "control_character", 9),
        ("SELECT sleep(1)", "function", 8),
        ("SELECT current_user", "function", 8),
        ("SELECT db.f(1)", "function", 11),
        ("DELETE FROM orders", "only_select", 1),
        ("SELECT 1 INTO @x", "variable", 15),
        ("SELECT 1 INTO OUTFILE 'x'", "forbidden_word", 10),
        ("SELECT REPEAT('a', 1e9)", "size", 1),
        ("SELECT " + "(" * 70 + "1" + ")" * 70, "too_deep", 68),
        ("SELECT '" + "a" * LONGEST + "'", "too_long", None),
    ],
)
def test_refusals_name_the_rule_and_the_place(sql: str, rule: str, position: int | None) -> None:
    with pytest.raises(StatementRefused) as refusal:
        judge(sql, LONGEST)
    data = refusal.value.as_result().structured_content
    assert data is not None
    assert data["details"].get("rule") == rule
    assert data["details"].get("position") == position
    assert data["hint"]


@pytest.mark.parametrize(
    ("sql", "position"),
    [
        ("SELECT 'abc", 8),
        ("SELECT `abc", 8),
        ("SELECT 1 /* abc", 10),
        ("SELECT\n  id id id FROM t", 17),
        ("SELECT FROM", 11),
    ],
)
def test_what_cannot_be_read_says_where(sql: str, position: int) -> None:
    with pytest.raises(StatementInvalid) as refusal:
        judge(sql, LONGEST)
    data = refusal.value.as_result().structured_content
    assert data is not None
    assert data["details"]["position"] == position


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT 1", set[str]()),
        ("SELECT * FROM orders o, customers", {"orders", "customers"}),
        ("SELECT * FROM shop_safe.orders", {"orders"}),
        ("SELECT * FROM ORDERS", {"orders"}),
        ("WITH orders AS (SELECT * FROM orders) SELECT * FROM orders", {"orders"}),
        ("WITH a AS (SELECT * FROM orders), b AS (SELECT * FROM a) SELECT * FROM b", {"orders"}),
        ("WITH RECURSIVE a AS (SELECT 1 UNION SELECT * FROM a) SELECT * FROM a", set[str]()),
        ("SELECT (WITH a AS (SELECT * FROM products) SELECT id FROM a) FROM orders", {"orders", "products"}),
        ("SELECT 1 FROM orders WHERE id IN (SELECT id FROM customers UNION SELECT id FROM products)",
         {"orders", "customers", "products"}),
    ],
)  # fmt: skip
def test_tables_are_told_from_ctes(sql: str, names: set[str]) -> None:
    assert asked(sql) == names


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM a, (WITH a AS (SELECT 1) SELECT * FROM a) AS b",
        "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
        "WITH a AS (SELECT * FROM a) SELECT * FROM a",
        "SELECT * FROM shop.orders",
        "WITH orders AS (SELECT 1) SELECT * FROM shop.orders",
        "SELECT * FROM information_schema.tables",
    ],
)
def test_a_name_out_of_scope_is_a_table_that_is_not_there(sql: str) -> None:
    with pytest.raises(UnknownRelation):
        asked(sql)


def test_what_runs_is_what_was_judged_but_for_comments_and_the_insides_of_texts() -> None:
    text = read_text("SELECT 'it''s \\' ;', \"a\" /* x */ FROM `t` -- 'y'\n;", LONGEST)
    assert len(text.runs) == len(text.judged)
    assert " ".join(text.runs.split()) == "SELECT 'it''s \\' ;', \"a\" FROM `t`"
    assert text.judged.split()[:2] == ["SELECT", "'itxxs"]
    assert "x */" not in text.runs


def test_nothing_is_bound_inside_texts_names_and_comments() -> None:
    text = read_text("SELECT ':a', `:a`, \"?\", :a /* :a */ -- ?\n", LONGEST)
    assert text.names_bound == ["a"]
    assert bind(text, {"a": 1}, repr).split("FROM")[0].strip() == "SELECT ':a', `:a`, \"?\", 1"


# ── statements that nobody wrote ──


INSERTED = ["SLEEP(1)", "@@datadir", "(SELECT * FROM mysql.user)", "LOAD_FILE('x')",
            "(SELECT 1 INTO OUTFILE 'x')", "`load_file` ('x')"]  # fmt: skip


def mutated(chance: random.Random) -> str:
    """A statement from pieces of good and bad ones, as a tree that was changed or a text that was."""
    good = chance.choice(LEGITIMATE)
    bad = chance.choice([sql for statements in ATTACKS.values() for sql in statements if sql])
    match chance.randrange(4):
        case 0:
            at = chance.randrange(len(good))
            return good[:at] + bad[: chance.randrange(len(bad))] + good[at:]
        case 1:
            words = re.split(r"(\s+)", good)
            words[chance.randrange(len(words))] = chance.choice(re.split(r"(\s+)", bad))
            return "".join(words)
        case 2:
            return re.sub(r"\b(id|name|1)\b", lambda _: chance.choice(INSERTED), good, count=1)
        case _:
            tree = sqlglot.parse_one(good, read="mysql")
            for table in list(tree.find_all(exp.Table))[:1]:
                table.replace(
                    exp.to_table(
                        chance.choice(["mysql.user", "shop.api_keys", "information_schema.tables"])
                    )
                )
            return tree.sql(dialect="mysql")


FORBIDDEN = re.compile(
    r"\b(sleep|benchmark|load_file|get_lock|extractvalue|updatexml|version|database|user)\s*\(|@|/\*!|/\*m!"
    r"|\b(outfile|dumpfile)\b|\bfor\s+(update|share)\b|\b(from|join)[\s(]+(mysql|information_schema)\s*\.",
    re.IGNORECASE,
)


def test_no_mutation_gets_past_the_guard_with_something_forbidden_in_its_code() -> None:
    chance = random.Random(SEED)
    passed = refused = 0
    for _ in range(MUTATIONS):
        sql = mutated(chance)
        try:
            verdict = judge(sql, LONGEST)
            relations_of(verdict, CATALOG, "shop_safe")
        except Problem:
            refused += 1
            continue
        passed += 1
        code = re.sub(
            r"`[^`]*`", "`x`", verdict.text.judged
        )  # without comments, texts, quoted names
        assert not FORBIDDEN.search(code), sql
        assert ";" not in code, sql
    assert passed > 100
    assert refused > 500
