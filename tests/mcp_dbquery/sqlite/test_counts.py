"""Counting asks SQLite for no column at all, which it checks in another way than reading one."""

from pathlib import Path
from typing import Any

import pytest
from support.sqlite_shop import ADA, HR, open_shop

COUNTS = (
    "SELECT count(*) FROM customers",
    "SELECT count(*) FROM (SELECT * FROM customers)",
    "SELECT count(*) FROM (SELECT 1 FROM customers)",
    "WITH c AS (SELECT * FROM customers) SELECT count(*) FROM c",
    "SELECT total(1) FROM customers",
    "SELECT (SELECT count(*) FROM customers)",
    "SELECT count(*) FROM customers c JOIN (SELECT 1) ON 1",
)


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        ({"rows": [{"filter": "1"}]}, 80),
        ({"rows": [{"filter": "0"}]}, 0),
        ({"rows": [{"filter": ":tenant = 'acme'"}]}, 80),
        ({"rows": [{"filter": "id <= 7"}]}, 7),
        ({"rows": [{"filter": "tenant = :tenant"}]}, 40),
        ({"rows": [{"filter": "tenant = :tenant"}], "columns": {"tenant": {"hidden": True}}}, 40),
        ({"columns": {"ssn": {"mask": "hash"}}}, 80),
        ({"columns": {"ssn": {"hidden": True}}}, 80),
        ({"roles": ["hr"]}, 80),
        ({}, 80),
    ],
)
async def test_every_way_of_counting_counts_the_rows_of_the_caller(
    tmp_path: Path, rule: dict[str, Any], count: int
) -> None:
    async with open_shop(tmp_path, {"customers": rule}) as shop:
        for sql in COUNTS:
            assert await shop.rows(sql, caller=HR) == [[count]], sql
        if "rows" in rule:
            assert not (await shop.told("SELECT count(*) FROM main.customers"))[0]
        if "roles" in rule:
            assert not (await shop.told("SELECT count(*) FROM customers", caller=ADA))[0]
