"""The last layer, and the first to look: a statement is one SELECT made of known parts only, over visible relations.

Decides on what PostgreSQL's own parser read, never on the text. Does no I/O. What gets past it still meets a login
that can read nothing but the views, in a read-only transaction.
"""
# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false, reportOptionalIterable=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false, reportGeneralTypeIssues=false
# pglast declares every field of every node as optional and of any kind; what a kind really has is said by PostgreSQL.

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from pglast import ast
from pglast.parser import ParseError, parse_sql

from mcp_dbquery.errors import StatementInvalid, StatementRefused
from mcp_dbquery.postgres.binding import Bound, bind, syntax_error
from mcp_dbquery.postgres.names import NameCheck, Visible
from mcp_dbquery.postgres.sizes import TooBig, check_sizes
from mcp_dbquery.postgres.vocabulary import (
    ALTERNATIVES,
    FREE_VALUES,
    FUNCTIONS,
    NODES,
    OPERATORS,
    SYSTEM_COLUMNS,
    TYPES,
)
from mcp_dbquery.statement_text import check_text

MAX_NODE_DEPTH = 500
KEPT_VERDICTS = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """A statement that may run."""

    bound: Bound
    relations: frozenset[str]
    """Keys of the visible relations that it reads."""


@dataclass(slots=True)
class Guard:
    """Judges statements for callers who see the same relations. Remembers its last verdicts."""

    visible: Visible
    max_characters: int
    _verdicts: OrderedDict[str, Verdict] = field(
        default_factory=OrderedDict[str, Verdict], init=False
    )

    def judge(self, sql: str) -> Verdict:
        """Let a statement through or say what is wrong with it.

        Raises:
            StatementRefused, StatementInvalid, UnknownRelation: with the position in the caller's text.
        """
        known = self._verdicts.get(sql)
        if known is not None:
            self._verdicts.move_to_end(sql)
            return known
        verdict = self._judge(sql)
        self._verdicts[sql] = verdict
        if len(self._verdicts) > KEPT_VERDICTS:
            self._verdicts.popitem(last=False)
        return verdict

    def _judge(self, sql: str) -> Verdict:
        check_text(sql, self.max_characters)
        bound = bind(sql)
        select = _only_select(bound)
        _check_depth(select)
        walk = _Walk(bound)
        walk.check(select)
        names = NameCheck(self.visible, walk.place)
        names.check(select)
        return Verdict(bound, frozenset(names.relations))


def _only_select(bound: Bound) -> ast.SelectStmt:
    try:
        statements = parse_sql(bound.sql)
    except ParseError as error:
        raise syntax_error(error, bound) from None
    if not statements:
        raise StatementInvalid("There is no statement, only a comment.", hint="Write one SELECT.")
    if len(statements) > 1:
        raise StatementRefused(
            "Only one statement may be run at a time.",
            hint="Ask them one by one, or join them by WITH or UNION ALL.",
            rule="one_statement",
            position=bound.original(statements[1].stmt_location or 0),
        )
    statement = statements[0].stmt
    if not isinstance(statement, ast.SelectStmt):
        raise StatementRefused(
            "Only SELECT may be run here (WITH … SELECT and VALUES too).",
            hint="explain asks the planner; describe_tables shows what there is.",
            rule="only_select",
            position=1,
        )
    return statement


def _check_depth(statement: ast.SelectStmt) -> None:
    """Refuse trees so deep that a recursion over them could end badly, here or in the server."""
    level: list[Any] = [statement]
    for _ in range(MAX_NODE_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise StatementRefused(
        "The statement is nested too deeply.",
        hint="Use IN (…) or = ANY(…) in place of long chains.",
        rule="too_deep",
    )


def _children(node: Any) -> list[Any]:
    children: list[Any] = []
    stack = [getattr(node, name) for name in node]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple):
            stack.extend(item)
        elif isinstance(item, ast.Node):
            children.append(item)
    return children


@dataclass(frozen=True, slots=True)
class _Walk:
    """Looks at every node of the tree, whatever it hangs on."""

    bound: Bound

    def check(self, statement: ast.SelectStmt) -> None:
        stack: list[tuple[Any, int | None]] = [(statement, None)]
        while stack:
            node, near = stack.pop()
            location = getattr(node, "location", None)
            near = location if isinstance(location, int) and location >= 0 else near
            self._node(node, near)
            stack.extend((child, near) for child in _children(node))
        try:
            check_sizes(statement)
        except TooBig as error:
            raise self._refused(
                str(error), "too_big", getattr(error.node, "location", None)
            ) from None

    def place(self, location: int | None) -> dict[str, int]:
        """The details' position for a place in the parsed text."""
        return (
            {} if location is None or location < 0 else {"position": self.bound.original(location)}
        )

    def _node(self, node: Any, near: int | None) -> None:
        if type(node) not in NODES:
            raise self._not_syntax(node, near)
        match node:
            case ast.FuncCall():
                self._function(node, near)
            case ast.A_Expr():
                self._operator(node.name, near)
            case ast.SubLink() if node.operName:
                self._operator(node.operName, near)
            case ast.SortBy() if node.useOp:
                self._operator(node.useOp, near)
            case ast.TypeName():
                self._type(node, near)
            case ast.ColumnRef():
                self._column(node, near)
            case ast.A_Indirection():
                self._indirection(node, near)
            case ast.SQLValueFunction() if node.op.name not in FREE_VALUES:
                raise self._refused(
                    "Who is signed in to the database is not told.", "function", near
                )
            case ast.SelectStmt() if node.intoClause or node.lockingClause:
                raise self._refused(
                    "SELECT … INTO and FOR UPDATE are not possible here.", "only_select", near
                )
            case ast.CollateClause():
                self._collation(node, near)
            case _:
                pass

    def _function(self, call: ast.FuncCall, near: int | None) -> None:
        *schema, name = (part.sval for part in call.funcname)
        if schema in ([], ["pg_catalog"]) and name in FUNCTIONS:
            return
        hint = ALTERNATIVES.get(
            name, "Aggregates, window, text, date, number, JSON and array functions are available."
        )
        written = ".".join((*schema, name))[:80]
        raise self._refused(
            f"The function {written} is not available here.", "function", near, hint
        )

    def _operator(self, names: tuple[Any, ...], near: int | None) -> None:
        *schema, name = (part.sval for part in names)
        if schema not in ([], ["pg_catalog"]) or (
            name not in OPERATORS and not name.startswith(("BETWEEN", "NOT BETW"))
        ):
            raise self._refused(
                f"The operator {name[:20]} is not available here.", "operator", near
            )

    def _type(self, type_name: ast.TypeName, near: int | None) -> None:
        *schema, name = (part.sval for part in type_name.names or ())
        is_known = schema in ([], ["pg_catalog"]) and name in TYPES
        if not is_known or type_name.setof or type_name.pct_type:
            hint = "Use the built-in types: text, integer, numeric, date, timestamp, jsonb and the like."
            raise self._refused(f"The type {name[:80]} is not available here.", "type", near, hint)

    def _column(self, column: ast.ColumnRef, near: int | None) -> None:
        last = column.fields[-1]
        if isinstance(last, ast.String) and last.sval in SYSTEM_COLUMNS:
            raise self._refused(
                f"The system column {last.sval} is not available here.", "system_column", near
            )
        if len(column.fields) > 3:
            raise self._refused(
                "A column is named as column, table.column or schema.table.column.", "name", near
            )

    def _indirection(self, indirection: ast.A_Indirection, near: int | None) -> None:
        if any(not isinstance(step, ast.A_Indices) for step in indirection.indirection):
            hint = "Name the column as table.column; put functions that give several columns into FROM."
            raise self._refused("(expression).name is not possible here.", "attribute", near, hint)

    def _collation(self, clause: ast.CollateClause, near: int | None) -> None:
        if len(clause.collname) > 1 and clause.collname[0].sval != "pg_catalog":
            raise self._refused(
                "Only collations of pg_catalog are available here.", "collation", near
            )

    def _not_syntax(self, node: Any, near: int | None) -> StatementRefused:
        kind = type(node).__name__
        said, hint = _SYNTAX.get(
            kind, (f"This kind of syntax ({kind}) is not available here.", None)
        )
        return self._refused(said, f"syntax:{kind}", near, hint)

    def _refused(
        self, message: str, rule: str, near: int | None, hint: str | None = None
    ) -> StatementRefused:
        return StatementRefused(message, hint=hint, rule=rule, **self.place(near))


_ONLY_READS = ("A statement here only reads.", "What can be changed has tools of its own.")
_SYNTAX = {
    "IntoClause": ("SELECT … INTO would make a table.", "Leave INTO out."),
    "LockingClause": ("FOR UPDATE and FOR SHARE lock rows.", "Leave it out."),
    "InsertStmt": _ONLY_READS,
    "UpdateStmt": _ONLY_READS,
    "DeleteStmt": _ONLY_READS,
    "MergeStmt": _ONLY_READS,
    "XmlExpr": ("XML is not available here.", "Use json_build_object and json_agg."),
    "XmlSerialize": ("XML is not available here.", "Use json_build_object and json_agg."),
    "RangeTableFunc": ("XMLTABLE is not available here.", "Use jsonb_to_recordset."),
    "JsonTable": ("JSON_TABLE is not available here.", "Use jsonb_to_recordset or jsonb_path_query."),
    "RangeTableSample": ("TABLESAMPLE does not work on views.", "Use ORDER BY random() LIMIT n."),
}  # fmt: skip
