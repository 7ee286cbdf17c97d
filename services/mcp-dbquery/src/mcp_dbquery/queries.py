"""Runs one query for a caller and tells what was cut."""

from dataclasses import dataclass

from pydantic import JsonValue

from mcp_dbquery.engine import Engine, Parameters, Reading, Statement
from mcp_dbquery.results import QueryResult, ResultColumn
from shared.service_tokens import Principal


@dataclass(frozen=True, slots=True)
class QueryRunner:
    """Queries one database."""

    name: str
    engine: Engine

    async def run(
        self, sql: str, parameters: Parameters, max_rows: int, caller: Principal
    ) -> QueryResult:
        """The rows, at most `max_rows`. Raises what the engine does."""
        reading = await self.engine.read(Statement(sql, parameters, max_rows), caller)
        return QueryResult(
            database=self.name,
            query_id="",
            columns=[
                ResultColumn(name=column.name, type=column.type, masked=column.mask)
                for column in reading.columns
            ],
            rows=reading.rows,
            row_count=len(reading.rows),
            truncated=reading.cut_by is not None,
            elapsed_ms=reading.elapsed_ms,
            warnings=_warnings(reading),
        )


def _warnings(reading: Reading) -> list[str]:
    rows = len(reading.rows)
    told: dict[JsonValue, str] = {
        "rows": f"Only the first {rows} rows are here; there are more. Filter or aggregate.",
        "bytes": f"Only the first {rows} rows fit into the largest answer. Select fewer columns.",
    }
    warnings = [told[reading.cut_by]] if reading.cut_by else []
    if reading.cut_cells:
        warnings.append(f"{reading.cut_cells} long values were cut.")
    return warnings
