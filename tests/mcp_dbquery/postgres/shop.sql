-- A shop of two tenants. What starts with CANARY must never be seen: of hidden tables and columns, behind masks, or of the
-- other tenant.
CREATE TABLE products (
    id int PRIMARY KEY, name text NOT NULL, price numeric(10, 2) NOT NULL, tags text[] NOT NULL, facts jsonb NOT NULL
);
COMMENT ON TABLE products IS 'What the shop sells';
COMMENT ON COLUMN products.price IS 'In USD';
CREATE TABLE customers (
    id int PRIMARY KEY, tenant text NOT NULL, name text NOT NULL, email text, ssn text, phone text, card text, born date,
    salary numeric, note text, region text
);
COMMENT ON COLUMN customers.region IS 'Where they live';
CREATE INDEX customers_tenant ON customers (tenant, region);
CREATE INDEX customers_note ON customers (note);
CREATE TABLE orders (
    id int PRIMARY KEY, tenant text NOT NULL, customer_id int NOT NULL REFERENCES customers, product_id int REFERENCES products,
    total numeric(10, 2) NOT NULL, status text NOT NULL, placed_at timestamptz NOT NULL, tenant_note text
);
CREATE INDEX orders_tenant ON orders (tenant);
CREATE TABLE staff (
    id int PRIMARY KEY, login text NOT NULL, tenant text NOT NULL, pay numeric, parent int REFERENCES staff
);
CREATE TABLE payroll (id int PRIMARY KEY, amount text NOT NULL);
CREATE TABLE api_keys (id int PRIMARY KEY, value text NOT NULL);
CREATE TABLE audit_marks (id serial PRIMARY KEY, what text);
CREATE SCHEMA sales;
CREATE TABLE sales.deals (id int PRIMARY KEY, title text NOT NULL, tenant text NOT NULL);

INSERT INTO products
SELECT i, 'Product ' || i, i * 3.25, ARRAY['tag' || i % 3, 'all'], jsonb_build_object('weight', i, 'sizes', jsonb_build_array(i, i + 1))
FROM generate_series(1, 20) i;
INSERT INTO customers
SELECT i, t, CASE WHEN t = 'acme' THEN 'Customer ' || i ELSE 'CANARY-FOREIGN-' || i END,
       'CANARY-MASKED-' || i || '@mail' || i % 3 || '.example', 'CANARY-MASKED-SSN-' || lpad(i::text, 4, '0'),
       'CANARY-MASKED-PHONE-' || i, 'CANARY-MASKED-CARD-' || i % 5, date '1980-05-17' + i * 40, 9990000 + i,
       'CANARY-HIDDEN-NOTE-' || i, (ARRAY['north', 'south', 'east'])[i % 3 + 1]
FROM generate_series(1, 120) i, LATERAL (SELECT CASE WHEN i % 2 = 0 THEN 'acme' ELSE 'globex' END) x(t);
INSERT INTO orders
SELECT i, c.tenant, c.id, i % 20 + 1, (i * 7 % 500) + 0.5, (ARRAY['open', 'paid', 'sent'])[i % 3 + 1],
       timestamptz '2026-01-01 08:00+00' + i * interval '5 hours',
       CASE WHEN c.tenant = 'acme' THEN 'note ' || i ELSE 'CANARY-FOREIGN-ORDER-' || i END
FROM generate_series(1, 900) i JOIN customers c ON c.id = i % 120 + 1;
INSERT INTO staff VALUES (1, 'ada', 'acme', 1000, NULL), (2, 'bob', 'acme', 900, 1), (3, 'cy', 'acme', 800, 1),
    (4, 'CANARY-FOREIGN-STAFF', 'globex', 700, NULL);
INSERT INTO payroll VALUES (1, 'CANARY-PAYROLL');
INSERT INTO api_keys VALUES (1, 'CANARY-HIDDEN-KEY');
INSERT INTO sales.deals VALUES (1, 'A deal', 'acme'), (2, 'CANARY-FOREIGN-DEAL', 'globex');

-- What a careless owner leaves lying about.
CREATE FUNCTION leave_mark() RETURNS text LANGUAGE plpgsql VOLATILE AS
$$ BEGIN INSERT INTO audit_marks (what) VALUES ('left'); RETURN 'left'; END $$;
CREATE FUNCTION innocent() RETURNS text LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN INSERT INTO audit_marks (what) VALUES ('planned'); RETURN 'planned'; END $$;
CREATE FUNCTION leave_mark_of(text) RETURNS text LANGUAGE plpgsql VOLATILE AS
$$ BEGIN INSERT INTO audit_marks (what) VALUES ($1); RETURN 'left'; END $$;
CREATE OPERATOR !!! (RIGHTARG = text, FUNCTION = leave_mark_of);
CREATE FUNCTION tell_keys() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS $$ SELECT value FROM api_keys $$;
CREATE VIEW all_orders AS SELECT * FROM orders;
SELECT lo_from_bytea(4711, 'CANARY-HIDDEN-OBJECT');
ANALYZE;
