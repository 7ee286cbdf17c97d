"""`init`, the start check, direct mode: what is made, what is refused, and what a second run changes."""

import asyncio
import stat
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from support.mariadb import Server
from support.mysql_shop import (
    PASSWORD,
    make_engine,
    make_shop,
    person,
    running,
    set_up,
    shop_config,
)

from mcp_dbquery.config import DatabaseConfig
from mcp_dbquery.engine import Statement
from mcp_dbquery.errors import DatabaseAway, UnknownRelation
from mcp_dbquery.mysql import init_sql
from mcp_dbquery.mysql.context import read_key
from shared.errors import BadSetup

NUMBERS = count()


@pytest.fixture
def own(server: Server) -> str:
    """The name of a shop database of this test's own."""
    name = f"own{next(NUMBERS)}"
    make_shop(server, name)
    return name


async def test_sql_for_review_holds_no_password(server: Server, own: str, tmp_path: Path) -> None:
    sql = await init_sql("shop", shop_config(server, own, tmp_path), server.owner_url)
    assert PASSWORD not in sql
    assert "p'a" not in sql
    assert (
        f"CREATE USER IF NOT EXISTS '{own}_reader'@'%' IDENTIFIED VIA mysql_native_password USING '*"
        in sql
    )
    assert server.ask(f"SHOW DATABASES LIKE '{own}\\_safe'") == ()


async def test_the_keys_file_is_made_once_and_is_its_owners_alone(
    server: Server, own: str, tmp_path: Path
) -> None:
    config = shop_config(server, own, tmp_path)
    await init_sql("shop", config, server.owner_url)
    key = read_key("shop", config)
    assert stat.S_IMODE((tmp_path / "context.key").stat().st_mode) == 0o600
    await init_sql("shop", config, server.owner_url)
    assert read_key("shop", config) == key


async def test_a_second_run_changes_nothing(server: Server, own: str, tmp_path: Path) -> None:
    config = shop_config(server, own, tmp_path)
    first = await set_up(config, server)

    def made() -> Any:
        names = [name for (name,) in server.ask(f"SHOW TABLES FROM {own}_safe")]
        return (
            [server.ask(f"SHOW CREATE VIEW {own}_safe.{name}") for name in names],
            server.ask(f"SELECT * FROM {own}_safe_private.signing_keys ORDER BY purpose"),
            server.ask(f"SHOW GRANTS FOR '{own}_reader'@'%'"),
            server.ask(f"SHOW GRANTS FOR '{own}_safe_definer'@'localhost'"),
        )

    before = made()
    assert await set_up(config, server) == first
    assert made() == before


async def test_the_login_is_given_the_views_and_the_definer_only_reading(
    server: Server, own: str, tmp_path: Path
) -> None:
    await set_up(shop_config(server, own, tmp_path), server)
    login = [row[0] for row in server.ask(f"SHOW GRANTS FOR '{own}_reader'@'%'")]
    assert login[0].startswith("GRANT USAGE ON *.*")
    assert login[0].endswith("WITH MAX_USER_CONNECTIONS 40")
    assert login[1:] == [f"GRANT SELECT ON `{own}_safe`.* TO `{own}_reader`@`%`"]
    definer = " ".join(
        row[0] for row in server.ask(f"SHOW GRANTS FOR '{own}_safe_definer'@'localhost'")
    )
    assert "api_keys" not in definer
    assert not {"INSERT", "UPDATE", "DELETE", "CREATE", "ALL"} & set(
        definer.replace(",", " ").split()
    )
    ((locked,),) = server.ask(
        f"SELECT JSON_VALUE(Priv, '$.account_locked') FROM mysql.global_priv WHERE User = '{own}_safe_definer'"
    )
    assert locked == "1"


async def test_it_follows_changes_of_tables_and_rules(
    server: Server, own: str, tmp_path: Path
) -> None:
    config = shop_config(server, own, tmp_path)
    await set_up(config, server)
    server.ask(
        f"ALTER TABLE {own}.products ADD COLUMN origin VARCHAR(20)", f"DROP TABLE {own}.staff"
    )
    tables = dict(config.tables)
    del tables["staff"]
    changed = config.model_copy(update={"tables": tables, "url": config.url})
    with pytest.raises(BadSetup, match="made for another configuration"):
        await make_engine(changed).start()
    await set_up(changed, server)
    async with running(changed) as engine:
        assert (
            await engine.read(Statement("SELECT origin FROM products LIMIT 1"), person())
        ).rows == [[None]]
        assert "staff" not in (await engine.catalog(person("personnel"))).relations
    with pytest.raises(BadSetup, match="made for another configuration"):
        await make_engine(config).start()


async def test_only_listed_tables_are_there_when_the_configuration_says_so(
    server: Server, own: str, tmp_path: Path
) -> None:
    config = shop_config(server, own, tmp_path, expose="listed", tables={"products": {}})
    await set_up(config, server)
    async with running(config) as engine:
        assert list((await engine.catalog(person())).relations) == ["products"]
        with pytest.raises(UnknownRelation):
            await engine.read(Statement("SELECT * FROM orders"), person())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tables": {"nothing": {}}}, "no such table"),
        ({"tables": {"products": {"columns": {"nothing": {"hidden": True}}}}}, "no such column"),
        ({"tables": {"products": {"rows": [{"filter": "id = :id"}]}}}, "may bind :tenant"),
        ({"tables": {"products": {"rows": [{"filter": "id = "}]}}}, "no condition"),
        (
            {"tables": {"products": {"rows": [{"filter": "TRUE; DROP TABLE orders"}]}}},
            "one statement",
        ),
        ({"tables": {"products": {"rows": [{"filter": "TRUE) OR (TRUE"}]}}}, "no condition"),
        ({"direct": True, "tables": {}}, "nothing to set up"),
        ({"context_key": None}, "needs context_key"),
        ({"safe_schema": "a_very_long_name_of_a_schema"}, "at most 20"),
    ],
)
async def test_rules_that_cannot_be_kept_are_refused(
    server: Server, shop: DatabaseConfig, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    assert shop.url is not None
    config = shop_config(server, "shop", tmp_path, **change)
    with pytest.raises(BadSetup, match=words):
        await init_sql("shop", config, server.owner_url)


async def test_the_owner_must_be_somebody_else_and_be_let_in(
    server: Server, shop: DatabaseConfig
) -> None:
    assert shop.url is not None
    with pytest.raises(BadSetup, match="login of its own"):
        await init_sql("shop", shop, shop.url)
    with pytest.raises(BadSetup, match="cannot be reached as nobody") as refusal:
        await init_sql("shop", shop, server.url("nobody", "", "s3cret"))
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("right", "words"),
    [
        ("GRANT FILE ON *.* TO {login}", r"may FILE on \*\.\*"),
        ("GRANT PROCESS ON *.* TO {login}", "may PROCESS"),
        ("GRANT SUPER ON *.* TO {login}", "may SUPER"),
        ("GRANT ALL ON *.* TO {login}", "may ALL PRIVILEGES"),
        ("GRANT INSERT ON {own}_safe.* TO {login}", "may INSERT"),
        ("GRANT CREATE TEMPORARY TABLES ON {own}_safe.* TO {login}", "may CREATE TEMPORARY TABLES"),
        ("GRANT SELECT ON {own}.* TO {login}", "may SELECT on own"),
        ("GRANT SELECT ON {own}.orders TO {login}", r"may SELECT on own\d+\.orders"),
        ("GRANT SELECT (id) ON {own}.orders TO {login}", "may SELECT on own"),
        ("GRANT UPDATE (id) ON {own}.orders TO {login}", "may UPDATE on own"),
        ("GRANT EXECUTE ON FUNCTION {own}_safe_private.claim TO {login}", "may EXECUTE"),
        ("GRANT SELECT ON {own}_safe.* TO {login} WITH GRANT OPTION", "GRANT OPTION"),
        ("GRANT PROXY ON root TO {login}", "PROXY"),
        ("GRANT SHOW VIEW ON {own}_safe.* TO {login}", "may SHOW VIEW"),
    ],
)
async def test_a_login_that_may_do_more_is_refused(
    server: Server, rights_shop: tuple[DatabaseConfig, str], right: str, words: str
) -> None:
    config, own = rights_shop
    login = f"'{own}_reader'@'%'"
    server.ask(right.format(own=own, login=login))
    try:
        with pytest.raises(BadSetup, match=words):
            await make_engine(config).start()
    finally:
        if "PROXY" in right:
            server.ask(f"REVOKE PROXY ON root FROM {login}")
        server.ask(
            f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {login}",
            f"GRANT SELECT ON {own}_safe.* TO {login}",
        )
    async with running(config) as engine:
        assert (await engine.read(Statement("SELECT 1"), person())).rows == [[1]]


async def test_a_login_with_a_role_is_refused(
    server: Server, rights_shop: tuple[DatabaseConfig, str]
) -> None:
    config, own = rights_shop
    server.ask(f"CREATE ROLE {own}_role", f"GRANT {own}_role TO '{own}_reader'@'%'")
    try:
        with pytest.raises(BadSetup, match="role"):
            await make_engine(config).start()
    finally:
        server.ask(f"DROP ROLE {own}_role")


@pytest.mark.parametrize(
    ("made", "undone"),
    [
        ("CREATE TABLE {own}_safe.plain (x INT)", "DROP TABLE {own}_safe.plain"),
        (
            "CREATE VIEW {own}_safe.loose AS SELECT * FROM {own}.orders",
            "DROP VIEW {own}_safe.loose",
        ),
        (
            "CREATE DEFINER = '{own}_safe_definer'@'localhost' SQL SECURITY INVOKER VIEW {own}_safe.loose AS SELECT 1",
            "DROP VIEW {own}_safe.loose",
        ),
    ],
)
async def test_anything_else_among_the_views_is_refused(
    server: Server, rights_shop: tuple[DatabaseConfig, str], made: str, undone: str
) -> None:
    config, own = rights_shop
    server.ask(made.format(own=own))
    try:
        with pytest.raises(BadSetup, match="no view made by"):
            await make_engine(config).start()
    finally:
        server.ask(undone.format(own=own))


async def test_views_that_vanish_while_running_are_noticed(
    server: Server, own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = shop_config(server, own, tmp_path)
    await set_up(config, server)
    monkeypatch.setattr("mcp_dbquery.mysql.engine.CATALOG_S", 0.0)
    async with running(config) as engine:
        server.ask(f"DROP VIEW {own}_safe.products")
        with pytest.raises(DatabaseAway, match="no longer fit"):
            await engine.catalog(person())


async def test_another_key_than_the_views_is_noticed(
    server: Server, own: str, tmp_path: Path
) -> None:
    config = shop_config(server, own, tmp_path)
    await set_up(config, server)
    (tmp_path / "context.key").write_text("0" * 64)
    with pytest.raises(BadSetup, match="not the one of the views"):
        await make_engine(config).start()


async def test_without_init_the_start_is_refused(server: Server, own: str, tmp_path: Path) -> None:
    (tmp_path / "context.key").write_text("0" * 64)
    config = shop_config(server, own, tmp_path)
    with pytest.raises(BadSetup, match="Access denied"):
        await make_engine(config).start()


async def test_direct_mode_asks_the_tables_and_refuses_rights_to_write(
    server: Server, own: str, tmp_path: Path
) -> None:
    login = f"'{own}_direct'@'%'"
    server.ask(f"CREATE USER {login} IDENTIFIED BY 'x'", f"GRANT SELECT ON {own}.* TO {login}")
    direct: dict[str, Any] = {
        "url": server.url(f"{own}_direct", own, "x"),
        "direct": True,
        "context_key": None,
    }
    config = shop_config(
        server, own, tmp_path, **direct, tables={"products": {"description": "Things"}}
    )
    async with running(config) as engine:
        assert (await engine.read(Statement("SELECT COUNT(*) FROM orders"), person())).rows == [
            [600]
        ]
        catalog = await engine.catalog(person())
        assert catalog.relations["products"].comment == "Things"
        assert {c.name: c for c in catalog.relations["orders"].columns}[
            "customer_id"
        ].references == "customers.id"
        estimate = await engine.explain(
            Statement("SELECT * FROM orders a, orders b, orders c, orders d"), person()
        )
        assert estimate.rows is not None
        assert estimate.problem is not None
        assert "directly" in " ".join(engine.facts())
    hidden = shop_config(server, own, tmp_path, **direct, tables={"api_keys": {"hidden": True}})
    with pytest.raises(BadSetup, match="api_keys, which is hidden"):
        await make_engine(hidden).start()
    server.ask(f"GRANT INSERT ON {own}.* TO {login}")
    with pytest.raises(BadSetup, match="may INSERT"):
        await make_engine(config).start()


@pytest.fixture(scope="module")
def rights_shop(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> tuple[DatabaseConfig, str]:
    """A shop whose login is given rights it should not have, one after the other."""
    name = f"own{next(NUMBERS)}"
    make_shop(server, name)
    config = shop_config(server, name, tmp_path_factory.mktemp("rights"))
    asyncio.run(set_up(config, server))
    return config, name
