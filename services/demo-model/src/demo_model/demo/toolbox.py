"""The tools that a request offers, found by the end of their names: hosts put the server's name in front."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo_model.demo.sql import Statement


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool as the request describes it: the types of its parameters by name, and which of them it needs."""

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of a reply."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Tools by their short name."""

    tools: Mapping[str, OfferedTool]

    @classmethod
    def of(cls, offered: Iterable[OfferedTool]) -> "Toolbox":
        tools: dict[str, OfferedTool] = {}
        for tool in offered:
            tools.setdefault(tool.name.rsplit("__", 1)[-1], tool)
        return cls(tools)

    def __contains__(self, short_name: str) -> bool:
        return short_name in self.tools

    def find(self, name: str) -> OfferedTool | None:
        """By its short or its full name, in any case of letters."""
        wanted = name.lower()
        return next(
            (
                tool
                for short, tool in self.tools.items()
                if wanted in {short.lower(), tool.name.lower()}
            ),
            None,
        )

    def call(self, short_name: str, **arguments: Any) -> Call:
        return Call(self.tools[short_name].name, arguments)

    def query(self, statement: Statement) -> Call:
        """Values are bound when the tool can bind them, else written in with quotes."""
        known = self.tools["query"].parameters
        binds = "params" in known or not known
        sql = statement.sql if binds else statement.with_literals()
        arguments: dict[str, Any] = {"sql": sql}
        if statement.params and binds:
            arguments["params"] = statement.params
        if statement.max_rows is not None:
            if "max_rows" in known:
                arguments["max_rows"] = statement.max_rows
            else:
                arguments["sql"] = f"{sql} LIMIT {statement.max_rows}"
        return self.call("query", **arguments)
