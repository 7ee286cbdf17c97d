from support.mysql_shop import person
from mcp_dbquery.engine import Statement
import pytest
async def test_it(engine):
    print(engine.facts())
    for q in ["select * from customers limit 2","select count(*) n, min(tenant), max(tenant) from orders","select * from products limit 1","select * from regions","select c.name, sum(o.amount) t from customers c join orders o on o.customer_id=c.id group by c.id order by 2 desc limit 3","select * from customres","select nme from customers", "select x from orders where", "select c.ssn, c.badge as b from customers c limit 1","select * from orders"]:
        try:
            r=await engine.read(Statement(q, max_rows=5), person(tenant_no="1"))
            print(q, [(c.name,c.type,c.mask) for c in r.columns], r.rows[:2], r.cut_by, r.relations, round(r.elapsed_ms,1))
        except Exception as e: print(q, type(e).__name__, e)
    print(await engine.explain(Statement("select * from orders o join products p on 1=1"), person()))
    print((await engine.catalog(person())).relations["customers"])
