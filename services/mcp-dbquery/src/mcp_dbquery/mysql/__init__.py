"""MySQL and MariaDB."""

from mcp_dbquery.mysql.engine import MysqlEngine
from mcp_dbquery.mysql.setup import apply, init_sql

__all__ = ["MysqlEngine", "apply", "init_sql"]
