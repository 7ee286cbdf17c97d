"""Analytical questions that must run: a guard that refuses them gets switched off."""

import pytest
from support.shop import ANN

from mcp_dbquery.engine import Parameters, Statement
from mcp_dbquery.postgres.engine import PostgresEngine
from shared.mcp_server import Problem

pytestmark = pytest.mark.postgres

QUERIES = [
    "SELECT 1",
    "SELECT 1;",
    "SELECT 1 -- and a comment",
    "VALUES (1, 'a'), (2, 'b')",
    "TABLE products",
    "SELECT * FROM products",
    "select P.ID from Products p",
    "SELECT * FROM mcp_safe.orders",
    "SELECT mcp_safe.orders.id FROM mcp_safe.orders",
    "SELECT o.* FROM orders o",
    "SELECT o FROM orders o",
    "SELECT count(*) FROM orders",
    "SELECT status, count(*) AS n, sum(total) FROM orders GROUP BY status HAVING count(*) > 1 ORDER BY n DESC",
    "SELECT status, count(*) FILTER (WHERE total > 100) FROM orders GROUP BY 1 ORDER BY 1 NULLS LAST",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders",
    "SELECT percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY total) FROM orders",
    "SELECT percentile_disc(0.9) WITHIN GROUP (ORDER BY total) FROM orders",
    "SELECT mode() WITHIN GROUP (ORDER BY status) FROM orders",
    "SELECT rank(100) WITHIN GROUP (ORDER BY total) FROM orders",
    (
        "SELECT status, region, sum(total) FROM orders o JOIN customers c ON c.id = o.customer_id GROUP "
        "BY GROUPING SETS ((status), (region), ())"
    ),
    (
        "SELECT status, region, grouping(status, region), count(*) FROM orders o JOIN customers c ON "
        "c.id = o.customer_id GROUP BY ROLLUP (status, region)"
    ),
    (
        "SELECT status, region, count(*) FROM orders o JOIN customers c ON c.id = o.customer_id GROUP "
        "BY CUBE (status, region)"
    ),
    "SELECT DISTINCT ON (customer_id) customer_id, total FROM orders ORDER BY customer_id, placed_at DESC",
    "SELECT DISTINCT status FROM orders",
    "SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY placed_at) FROM orders",
    "SELECT id, sum(total) OVER w FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY id)",
    "SELECT id, avg(total) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) FROM orders",
    (
        "SELECT id, count(*) OVER (ORDER BY placed_at RANGE BETWEEN interval '7 days' PRECEDING AND "
        "CURRENT ROW) FROM orders"
    ),
    "SELECT id, sum(total) OVER (ORDER BY total GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES) FROM orders",
    "SELECT id, lag(total, 1, 0) OVER (ORDER BY id), lead(total) OVER (ORDER BY id) FROM orders",
    "SELECT ntile(4) OVER (ORDER BY total), dense_rank() OVER (ORDER BY total) FROM orders",
    (
        "SELECT first_value(id) OVER w, nth_value(id, 2) OVER w, cume_dist() OVER w, percent_rank() "
        "OVER w FROM orders WINDOW w AS (ORDER BY id)"
    ),
    "WITH big AS (SELECT * FROM orders WHERE total > 100) SELECT count(*) FROM big",
    "WITH a AS (SELECT id FROM orders), b AS (SELECT a.id FROM a) SELECT b.id FROM b JOIN a ON a.id = b.id",
    "WITH a(x, y) AS MATERIALIZED (SELECT id, total FROM orders) SELECT a.x, a.y FROM a",
    "WITH a AS NOT MATERIALIZED (SELECT 1 AS n) SELECT a.n FROM a",
    "WITH a AS (WITH b AS (SELECT 1 AS n) SELECT n FROM b) SELECT a.n FROM a",
    "WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT t.n + 1 FROM t WHERE t.n < 10) SELECT sum(t.n) FROM t",
    (
        "WITH RECURSIVE s AS (SELECT id, login, 0 AS depth FROM staff WHERE parent IS NULL UNION ALL "
        "SELECT x.id, x.login, s.depth + 1 FROM staff x JOIN s ON x.parent = s.id) SELECT s.login, "
        "s.depth FROM s"
    ),
    (
        "WITH RECURSIVE s(id, path) AS (SELECT id, login FROM staff WHERE parent IS NULL UNION ALL "
        "SELECT x.id, s.path || '/' || x.login FROM staff x JOIN s ON s.id = x.parent) SELECT * FROM s"
    ),
    (
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT t.n + 1 FROM t WHERE t.n < 5) SEARCH DEPTH "
        "FIRST BY n SET o SELECT t.n FROM t ORDER BY t.o"
    ),
    (
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n % 5 + 1 FROM t) CYCLE n SET looped USING "
        "path SELECT t.n FROM t WHERE NOT t.looped"
    ),
    (
        "SELECT c.id, x.total FROM customers c CROSS JOIN LATERAL (SELECT o.total FROM orders o WHERE "
        "o.customer_id = c.id ORDER BY o.total DESC LIMIT 2) x"
    ),
    (
        "SELECT c.id, x.n FROM customers c LEFT JOIN LATERAL (SELECT count(*) AS n FROM orders o WHERE "
        "o.customer_id = c.id) x ON true"
    ),
    "SELECT c.name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.total > 400)",
    "SELECT o.id FROM orders o WHERE EXISTS (SELECT FROM customers o WHERE o.region = 'north')",
    "SELECT id FROM customers WHERE id NOT IN (SELECT customer_id FROM orders)",
    "SELECT id FROM orders WHERE total > ALL (SELECT price FROM products)",
    "SELECT id FROM orders WHERE total = ANY (ARRAY[1.5, 7.5])",
    "SELECT (SELECT max(total) FROM orders) - 1 AS x",
    "SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id LIMIT 5",
    "SELECT * FROM orders JOIN customers USING (tenant) LIMIT 5",
    "SELECT * FROM orders NATURAL JOIN products LIMIT 1",
    "SELECT j.total FROM (orders o JOIN customers c ON c.id = o.customer_id) AS j LIMIT 1",
    "SELECT a.id, b.id FROM orders a FULL JOIN products b ON b.id = a.product_id",
    "SELECT x.a FROM (VALUES (1, 2), (3, 4)) AS x(a, b)",
    "SELECT x.column1 FROM (VALUES (1)) x",
    "SELECT id FROM orders UNION SELECT id FROM customers ORDER BY id LIMIT 3",
    "SELECT id FROM orders INTERSECT SELECT id FROM customers",
    "SELECT id FROM orders EXCEPT ALL SELECT id FROM products",
    "(SELECT 1) UNION ALL (SELECT 2 ORDER BY 1)",
    "SELECT id FROM orders ORDER BY total DESC, id OFFSET 5 LIMIT 5",
    "SELECT id FROM orders ORDER BY id FETCH FIRST 3 ROWS WITH TIES",
    "SELECT date_trunc('month', placed_at) AS month, sum(total) FROM orders GROUP BY 1 ORDER BY 1",
    "SELECT extract(dow FROM placed_at), count(*) FROM orders GROUP BY 1",
    "SELECT date_part('year', placed_at), placed_at::date, placed_at AT TIME ZONE 'Europe/Berlin' FROM orders LIMIT 1",
    "SELECT age(now(), placed_at), placed_at + interval '3 days' - '1 hour'::interval FROM orders LIMIT 1",
    (
        "SELECT d::date, count(o.id) FROM generate_series(date '2026-01-01', date '2026-01-31', "
        "interval '1 day') AS d LEFT JOIN orders o ON o.placed_at::date = d::date GROUP BY 1 ORDER BY 1"
    ),
    "SELECT g.n FROM generate_series(1, 100, 5) AS g(n)",
    "SELECT d.d FROM generate_series(now() - interval '3 days', now(), '1 day') d",
    "SELECT to_char(placed_at, 'YYYY-MM \"week\" IW') FROM orders LIMIT 1",
    (
        "SELECT make_date(2026, 1, 31), make_interval(days => 3), to_date('31.01.2026', 'DD.MM.YYYY'), "
        "to_timestamp(0), date_bin('15 minutes', now(), timestamptz '2026-01-01')"
    ),
    "SELECT current_date, current_timestamp, localtimestamp, now()::time",
    "SELECT count(*) FROM orders WHERE placed_at BETWEEN '2026-01-01' AND '2026-02-01'",
    "SELECT count(*) FROM orders WHERE placed_at >= date_trunc('quarter', timestamptz '2026-02-03')",
    "SELECT (date '2026-01-01', date '2026-02-01') OVERLAPS (date '2026-01-15', date '2026-03-01')",
    "SELECT upper(name), lower(name), initcap(name), length(name), left(name, 3), right(name, 2) FROM products LIMIT 1",
    "SELECT name || ' costs ' || price FROM products LIMIT 1",
    (
        "SELECT concat_ws(', ', name, price), format('%s: %s', name, price), split_part(name, ' ', 2) "
        "FROM products LIMIT 1"
    ),
    (
        "SELECT substring(name FROM 1 FOR 3), substring(name FROM '[0-9]+'), position('d' IN name), "
        "trim(both 'P' FROM name), overlay(name PLACING 'x' FROM 1 FOR 2) FROM products LIMIT 1"
    ),
    (
        "SELECT lpad(id::text, 5, '0'), repeat('*', 5), replace(name, 'Product', 'P'), reverse(name), "
        "strpos(name, 'u') FROM products LIMIT 1"
    ),
    (
        "SELECT name FROM products WHERE name ~ '^Product [0-9]{1,2}$' AND name !~* 'x' AND name ILIKE "
        "'%1%' AND name NOT LIKE '%9' ESCAPE '!' AND name SIMILAR TO 'P%'"
    ),
    (
        "SELECT regexp_replace(name, '(\\d+)', '#\\1', 'g'), regexp_match(name, '\\d+'), "
        "regexp_split_to_array(name, '\\s') FROM products LIMIT 1"
    ),
    "SELECT m.m FROM products, regexp_matches(name, '[a-z]+', 'g') AS m LIMIT 2",
    "SELECT string_agg(name, ', ' ORDER BY id DESC) FROM products",
    "SELECT array_agg(DISTINCT status ORDER BY status) FROM orders",
    "SELECT unnest(tags) AS tag, count(*) FROM products GROUP BY 1",
    "SELECT p.id, t.tag, t.at FROM products p, unnest(p.tags) WITH ORDINALITY AS t(tag, at)",
    (
        "SELECT tags[1], tags[1:2], array_length(tags, 1), cardinality(tags), 'all' = ANY (tags), tags "
        "@> ARRAY['all'] FROM products"
    ),
    (
        "SELECT array_to_string(tags, ','), array_position(tags, 'all'), tags || 'x'::text, "
        "array_remove(tags, 'all') FROM products"
    ),
    "SELECT (array_agg(id ORDER BY id))[1] FROM orders",
    (
        "SELECT facts -> 'sizes' -> 0, facts ->> 'weight', facts #>> '{sizes,1}', facts @> "
        "'{\"weight\": 1}', facts ? 'weight' FROM products"
    ),
    "SELECT facts['weight'] FROM products",
    "SELECT e.key, e.value FROM products p, jsonb_each(p.facts) e LIMIT 3",
    "SELECT s.value::int FROM products p, jsonb_array_elements(p.facts -> 'sizes') AS s(value)",
    "SELECT jsonb_path_query(facts, '$.sizes[*] ? (@ > 3)') FROM products",
    "SELECT jsonb_build_object('id', id, 'name', name), to_jsonb(p), jsonb_pretty(facts) FROM products p LIMIT 1",
    "SELECT json_agg(json_build_object('id', id)) FROM products",
    "SELECT jsonb_object_agg(id, name) FROM products",
    'SELECT r.a, r.b FROM jsonb_to_recordset(\'[{"a": 1, "b": "x"}]\') AS r(a int, b text)',
    "SELECT JSON_OBJECT('a': 1, 'b': name) FROM products LIMIT 1",
    "SELECT facts IS JSON OBJECT FROM (SELECT facts::text AS facts FROM products) x LIMIT 1",
    (
        "SELECT CASE WHEN total > 100 THEN 'big' WHEN total > 50 THEN 'middle' ELSE 'small' END AS "
        "size, count(*) FROM orders GROUP BY 1"
    ),
    "SELECT CASE status WHEN 'open' THEN 1 END FROM orders LIMIT 1",
    "SELECT coalesce(NULL, 1), nullif(1, 1), greatest(1, 2, 3), least(1, 2)",
    (
        "SELECT total::int, cast(total AS text), total::numeric(12, 1), round(total, 1), ceil(total), "
        "floor(total), trunc(total), mod(id, 3), abs(-total) FROM orders LIMIT 1"
    ),
    (
        "SELECT sqrt(total), ln(total), log(total), exp(1), power(2, 10), 2 ^ 3, id % 2, |/ 16, "
        "sign(-1), pi() FROM orders LIMIT 1"
    ),
    "SELECT corr(id, total), stddev(total), var_pop(total), regr_slope(total, id), covar_samp(id, total) FROM orders",
    "SELECT width_bucket(total, 0, 500, 5) AS bucket, count(*) FROM orders GROUP BY bucket ORDER BY bucket",
    "SELECT bool_and(total > 0), bool_or(total > 400), every(id > 0), bit_or(id) FROM orders",
    "SELECT round(100.0 * count(*) FILTER (WHERE status = 'paid') / nullif(count(*), 0), 2) AS share FROM orders",
    "SELECT id FROM orders WHERE (customer_id, status) IN (SELECT customer_id, status FROM orders WHERE id < 10)",
    (
        "SELECT id FROM orders WHERE total IS NOT NULL AND status IS DISTINCT FROM 'open' AND NOT (id "
        "BETWEEN SYMMETRIC 9 AND 5) AND (total > 3) IS TRUE"
    ),
    "SELECT ROW(1, 'a') = ROW(1, 'a')",
    (
        "SELECT int4range(1, 5) @> 3, daterange('2026-01-01', '2026-02-01') && daterange('2026-01-15', "
        "NULL), lower(int4range(1, 5))"
    ),
    "SELECT '192.168.0.1'::inet <<= '192.168.0.0/16', host('10.0.0.1/8'::inet)",
    "SELECT email, count(*) FROM customers GROUP BY email",
    "SELECT card, count(*) FROM customers GROUP BY card ORDER BY 2 DESC",
    "SELECT a.id FROM customers a JOIN customers b ON a.card = b.card AND a.id < b.id LIMIT 3",
    "SELECT extract(year FROM born), count(*) FROM customers GROUP BY 1",
    "SELECT md5(name), encode(sha256(name::bytea), 'hex') FROM products LIMIT 1",
    "SELECT to_tsvector('english', name) @@ to_tsquery('english', 'product') FROM products LIMIT 1",
    "SELECT gen_random_uuid(), random() < 2",
    'SELECT id AS "Order Number", total "in USD" FROM orders LIMIT 1',
    "SELECT 'it''s', E'a\\nb', $$dollar$$, U&'\\0041', B'101', X'1F', 1e3, .5, NULL, true",
    'SELECT name COLLATE "C" FROM products ORDER BY name COLLATE "C" LIMIT 2',
    "SELECT avg(n) FROM (SELECT customer_id, count(*) AS n FROM orders GROUP BY customer_id) per",
    "SELECT title FROM sales_deals",
]

BOUND: list[tuple[str, Parameters, list[list[object]]]] = [
    ("SELECT :a::int + :b::int", {"a": 1, "b": 2}, [[3]]),
    ("SELECT $1::text || $2", ["x", "y"], [["xy"]]),
    ("SELECT ':a', x::text FROM (SELECT :x::int AS x) t -- :b", {"x": 7}, [[":a", "7"]]),
    ("SELECT count(*) FROM products WHERE id = ANY(:ids::int[])", {"ids": "{1,2,3}"}, [[3]]),
    (
        "SELECT count(*) FROM orders WHERE status = :s AND total > :t",
        {"s": "'; DROP TABLE orders --", "t": 1.5},
        [[0]],
    ),
    ("SELECT (ARRAY[1, 2, 3])[2:3], :n::int IS NULL", {"n": None}, [[[2, 3], True]]),
    ("SELECT name FROM products WHERE price >= $1 ORDER BY id LIMIT $2", [3, 1], [["Product 1"]]),
    (
        "SELECT name FROM products WHERE id BETWEEN :low AND :high AND true = :flag",
        {"low": 2, "high": 2, "flag": True},
        [["Product 2"]],
    ),
]


async def test_analytical_queries_run(engine: PostgresEngine) -> None:
    refused = [problem for sql in QUERIES if (problem := await _problem(engine, sql)) is not None]
    assert refused == []


async def test_parameters_are_bound(engine: PostgresEngine) -> None:
    for sql, parameters, rows in BOUND:
        reading = await engine.read(Statement(sql, parameters), ANN)
        assert (sql, reading.rows) == (sql, rows)


async def _problem(engine: PostgresEngine, sql: str) -> str | None:
    try:
        reading = await engine.read(Statement(sql), ANN)
    except Problem as problem:
        return f"{sql}: {problem}"
    return None if reading.columns else f"{sql}: no columns"
