import pytest
from mcp_dbquery.engine import Statement
from support.shop import *
pytestmark=pytest.mark.postgres
async def test_smoke(engine, shop):
    for s,c in [("select * from customers order by id limit 2",ANN),("select ssn,born from customers order by id limit 2",HOLLY),("select * from staff",ANN),("select * from staff",MORGAN),("select count(*), sum(total), min(placed_at), array_agg(distinct status), avg(total) from orders",ANN),("select * from orders order by id limit 2",GINA),("select * from sales_deals",ANN),("select * from products limit 2",ANN)]:
        r=await engine.read(Statement(s),c); print(s,[(x.name,x.type,x.mask) for x in r.columns],r.rows,r.relations,r.elapsed_ms)
    print(engine.facts())
    c=await engine.catalog(ANN)
    for n,r in c.relations.items(): print(n,r)
    print(await engine.explain(Statement("select count(*) from orders o join customers c on c.id=o.customer_id where region='north'"),ANN))
    print(await engine.explain(Statement("select count(*) from products p where price>3"),ANN))
