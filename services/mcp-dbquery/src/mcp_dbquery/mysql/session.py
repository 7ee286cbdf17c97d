"""The settings that every session of ours has, and what is checked of them before rows are handed out."""

from dataclasses import dataclass

SQL_MODE = "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION"
"""Without NO_BACKSLASH_ESCAPES and ANSI_QUOTES, so that texts are read as the guard and the driver read them."""

MEMORY_BYTES = 256 * 1024 * 1024
"""Of one session (MariaDB)."""
TEMPORARY_TABLE_BYTES = 64 * 1024 * 1024
"""In memory; what is larger goes to the disk, where the time limit ends it."""
TEMPORARY_SPACE_BYTES = 2 * 1024 * 1024 * 1024
"""On the disk, where the server can limit it (MariaDB 11.5)."""
GROUP_CONCAT_BYTES = 1_048_576
RECURSION = 10_000
LOCK_WAIT_S = 2

MARIADB_SWITCHES = "condition_pushdown_for_derived=off"
MYSQL_SWITCHES = "derived_condition_pushdown=off"
"""Else a condition of the caller's could be evaluated on rows that a view's filter hides, and fail or be slow there."""


@dataclass(frozen=True, slots=True)
class Server:
    """What kind of server it is, as its version and variables tell."""

    is_mariadb: bool
    version: tuple[int, int]
    variables: frozenset[str] = frozenset()
    """Names of its settings, in lower case."""


def server_of(version: str, variables: frozenset[str] = frozenset()) -> Server:
    """Read `10.11.6-MariaDB-1`, `5.5.5-10.11.6-MariaDB` or `8.0.36`."""
    is_mariadb = "mariadb" in version.lower()
    numbers = (
        version.removeprefix("5.5.5-").split("-")[0].split(".")
        if is_mariadb
        else version.split(".")
    )
    return Server(is_mariadb, (int(numbers[0]), int(numbers[1])), variables)


def settings_sql(server: Server, *, timeout_s: float, cost_rows: float) -> str:
    """One SET for all limits of a reading session. Only settings that the server has are in it."""
    wanted: dict[str, str] = {
        "sql_mode": f"'{SQL_MODE}'",
        "max_join_size": str(int(cost_rows)),
        "sql_big_selects": "0",
        "tmp_table_size": str(TEMPORARY_TABLE_BYTES),
        "max_heap_table_size": str(TEMPORARY_TABLE_BYTES),
        "group_concat_max_len": str(GROUP_CONCAT_BYTES),
        "lock_wait_timeout": str(LOCK_WAIT_S),
        "innodb_lock_wait_timeout": str(LOCK_WAIT_S),
        "sql_safe_updates": "1",
        "sql_auto_is_null": "0",
        "autocommit": "1",
    }
    if server.is_mariadb:
        wanted |= {
            "max_statement_time": f"{timeout_s:.3f}",
            "max_session_mem_used": str(MEMORY_BYTES),
            "max_tmp_session_space_usage": str(TEMPORARY_SPACE_BYTES),
            "max_recursive_iterations": str(RECURSION),
            "optimizer_switch": f"'{MARIADB_SWITCHES}'",
        }
    else:
        wanted |= {
            "max_execution_time": str(int(timeout_s * 1000)),
            "cte_max_recursion_depth": str(RECURSION),
            "optimizer_switch": f"'{MYSQL_SWITCHES}'",
        }
    known = {name: value for name, value in wanted.items() if name in server.variables}
    return "SET " + ", ".join(f"SESSION {name} = {value}" for name, value in known.items())


def check_sql(server: Server) -> str:
    """One row that must be the same before and after a statement."""
    read_only = "tx_read_only" if server.is_mariadb else "transaction_read_only"
    names = ["sql_mode", "max_join_size", "sql_big_selects", "optimizer_switch", "character_set_client", "autocommit",
             "character_set_connection", "sql_select_limit", read_only]  # fmt: skip
    names.append("max_statement_time" if server.is_mariadb else "max_execution_time")
    shown = ", ".join(f"@@SESSION.{name}" for name in names)
    return f"SELECT CONNECTION_ID(), DATABASE(), CURRENT_USER(), @mcp_context, {shown}"
