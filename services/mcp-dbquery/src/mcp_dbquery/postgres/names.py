"""What the names of a statement stand for: relations, and the columns that each part of FROM has.

Exact where it matters: `c.f` is a column of c, or PostgreSQL calls the function f with the whole row, without any
function in the syntax tree. So a qualified name is only let through when every relation it could mean has that column.
"""
# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false, reportOptionalIterable=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false
# pglast declares every field of every node as optional and of any kind; what a kind really has is said by PostgreSQL.

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pglast import ast

from mcp_dbquery.errors import StatementRefused, UnknownRelation
from mcp_dbquery.hints import did_you_mean, shortened
from mcp_dbquery.postgres.vocabulary import KEY_VALUE_FUNCTIONS

MAX_DEPTH = 60
"""Of queries within queries. A view adds its own on top."""

Names = tuple[str, ...]
Place = Callable[[int | None], dict[str, int]]
"""An offset of the parsed text as the `position` of an error's details, nothing when it is not known."""


@dataclass(frozen=True, slots=True)
class Visible:
    """The relations that one caller may name, and their columns."""

    schema: str
    columns: Mapping[str, Names]
    other_schemas: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """Relations asked as schema.name (direct mode), by schema and name."""

    def find(self, schema: str | None, name: str) -> str | None:
        """The relation's key, None when there is none."""
        if schema is not None and (schema, name) in self.other_schemas:
            return self.other_schemas[schema, name]
        return name if name in self.columns and schema in (None, self.schema) else None


@dataclass(slots=True)
class _Scope:
    """The relations of one FROM, and those around it."""

    outer: "_Scope | None" = None
    ctes: dict[str, Names] = field(default_factory=dict[str, Names])
    tables: dict[str, Names] = field(default_factory=dict[str, Names])
    is_complete: bool = False
    """False within FROM, where without LATERAL the parts do not see each other: a name may mean one further out."""

    def cte(self, name: str) -> Names | None:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.ctes:
                return scope.ctes[name]
            scope = scope.outer
        return None

    def candidates(self, name: str) -> Iterator[Names]:
        """The columns of every relation that this name could mean here."""
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.tables:
                yield scope.tables[name]
                if scope.is_complete:
                    return
            scope = scope.outer


@dataclass(slots=True)
class NameCheck:
    """Looks every relation and qualified column of a statement up."""

    visible: Visible
    place: Place
    relations: set[str] = field(default_factory=set[str])
    """Those that the statement reads."""
    _depth: int = 0

    def check(self, statement: ast.SelectStmt) -> None:
        """Raises UnknownRelation, StatementRefused."""
        self._query(statement, None)

    def _query(
        self,
        query: ast.SelectStmt,
        outer: _Scope | None,
        recursive: ast.CommonTableExpr | None = None,
    ) -> Names:
        """The columns that a query gives, in order. `recursive`: it may name itself after its first branch."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise StatementRefused(
                f"Queries are nested more than {MAX_DEPTH} deep.",
                hint="Use WITH for the steps.",
                rule="too_deep",
            )
        scope = _Scope(outer)
        self._with(query.withClause, scope)
        if query.larg is not None and query.rarg is not None:
            columns = self._query(query.larg, scope)
            if recursive is not None:
                scope.ctes[recursive.ctename] = _cte_columns(recursive, columns)
            self._query(query.rarg, scope)
        else:
            for item in query.fromClause or ():
                scope.tables.update(self._from(item, scope))
            scope.is_complete = True
            columns = self._outputs(query, scope)
        parts = (
            query.targetList, query.whereClause, query.groupClause, query.havingClause, query.windowClause,
            query.valuesLists, query.sortClause, query.limitOffset, query.limitCount, query.distinctClause,
        )  # fmt: skip
        for part in parts:
            self._expression(part, scope)
        self._depth -= 1
        return columns

    def _with(self, clause: ast.WithClause | None, scope: _Scope) -> None:
        for cte in clause.ctes or () if clause is not None else ():
            query = cte.ctequery
            if not isinstance(query, ast.SelectStmt):
                continue  # Refused by the walk over kinds of syntax.
            columns = self._query(
                query, scope, cte if clause is not None and clause.recursive else None
            )
            scope.ctes[cte.ctename] = _cte_columns(cte, columns)

    def _from(self, item: Any, scope: _Scope) -> dict[str, Names]:
        """What a part of FROM adds to the scope: alias → columns."""
        if isinstance(item, ast.RangeVar):
            columns = self._relation(item, scope)
            return _aliased(item.relname, columns, item.alias)
        if isinstance(item, ast.RangeSubselect):
            columns = self._query(item.subquery, scope)
            return _aliased(None, columns, item.alias)
        if isinstance(item, ast.RangeFunction):
            self._expression(item.functions, scope)
            return self._function_columns(item)
        if isinstance(item, ast.JoinExpr):
            return self._join(item, scope)
        raise _refused_in_from(item)

    def _join(self, join: ast.JoinExpr, scope: _Scope) -> dict[str, Names]:
        left = self._from(join.larg, scope)
        inner = _Scope(scope, tables=left)
        right = self._from(join.rarg, inner)
        inner.tables = left | right
        inner.is_complete = True
        self._expression(join.quals, inner)
        added = left | right
        if join.alias is not None:
            columns = tuple(name for names in (*left.values(), *right.values()) for name in names)
            added = _aliased(None, columns, join.alias)
        if join.join_using_alias is not None:
            using = tuple(name.sval for name in join.usingClause or ())
            added |= {join.join_using_alias.aliasname: using}
        return added

    def _relation(self, relation: ast.RangeVar, scope: _Scope) -> Names:
        if relation.schemaname is None and relation.catalogname is None:
            columns = scope.cte(relation.relname)
            if columns is not None:
                return columns
        key = None
        if relation.catalogname is None:
            key = self.visible.find(relation.schemaname, relation.relname)
        if key is None:
            written = ".".join(filter(None, (relation.schemaname, relation.relname)))
            raise unknown("relation", written, self.visible.columns, self.place(relation.location))
        self.relations.add(key)
        return self.visible.columns[key]

    def _function_columns(self, item: ast.RangeFunction) -> dict[str, Names]:
        columns: list[str] = []
        alias = item.alias.aliasname if item.alias is not None else None
        first = None
        for call, definitions in item.functions or ():
            name = output_name(call)
            first = first or name
            defined = tuple(column.colname for column in definitions or item.coldeflist or ())
            if defined:
                columns += defined
            elif name in KEY_VALUE_FUNCTIONS:
                columns += ("key", "value")
            else:
                columns.append(alias if alias and len(item.functions) == 1 else name)
        if item.ordinality:
            columns.append("ordinality")
        table = alias or first or "?"
        renamed = (
            tuple(name.sval for name in item.alias.colnames or ()) if item.alias is not None else ()
        )
        return {table: _renamed(tuple(columns), renamed)}

    def _expression(self, root: Any, scope: _Scope) -> None:
        """Look at every name in an expression; queries in it have a scope of their own."""
        for node in nodes(root):
            if isinstance(node, ast.SelectStmt):
                self._query(node, scope)
            elif isinstance(node, ast.ColumnRef):
                self._column(node, scope)

    def _column(self, column: ast.ColumnRef, scope: _Scope) -> None:
        *qualifier, last = cast("tuple[Any, ...]", column.fields)
        if not qualifier or isinstance(last, ast.A_Star):
            return
        table = qualifier[-1].sval
        found = [] if len(qualifier) > 2 else list(scope.candidates(table))
        if len(qualifier) == 2 and self.visible.find(qualifier[0].sval, table) is None:
            found = []
        if not found:
            raise unknown("relation", table, scope.tables, self.place(column.location))
        if not all(last.sval in columns for columns in found):
            written = f"{table}.{last.sval}"
            raise unknown(
                "column",
                written,
                [f"{table}.{name}" for name in found[0]],
                self.place(column.location),
            )

    def _outputs(self, query: ast.SelectStmt, scope: _Scope) -> Names:
        if query.valuesLists:
            return tuple(f"column{i + 1}" for i in range(len(query.valuesLists[0])))
        columns: list[str] = []
        for target in query.targetList or ():
            value = target.val
            star = isinstance(value, ast.ColumnRef) and isinstance(value.fields[-1], ast.A_Star)
            if target.name is not None:
                columns.append(target.name)
            elif not star:
                columns.append(output_name(value))
            elif len(value.fields) == 1:
                columns += (name for names in scope.tables.values() for name in names)
            else:
                columns += next(scope.candidates(value.fields[-2].sval), ())
        return tuple(columns)


def nodes(root: Any, *, into_queries: bool = False) -> Iterator[ast.Node]:
    """All nodes below and at `root`, whatever tuples they stand in, without recursion.

    A query inside is given, and entered only with `into_queries`.
    """
    stack: list[Any] = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple):
            stack.extend(reversed(item))
        elif isinstance(item, ast.Node):
            yield item
            if into_queries or not isinstance(item, ast.SelectStmt):
                stack.extend(getattr(item, name) for name in reversed(tuple(item)))


def output_name(value: Any) -> str:
    """The name that PostgreSQL gives a column of this expression (parse_target.c, FigureColname)."""
    return _strong_name(value) or {
        ast.CaseExpr: "case", ast.TypeCast: _type_name(value)}.get(type(value), "?column?")  # fmt: skip


def _strong_name(value: Any) -> str | None:
    """The name, None where PostgreSQL would make one up."""
    fixed = _FIXED_NAMES.get(type(value))
    if fixed is not None:
        return fixed
    match value:
        case ast.ColumnRef():
            return next(
                (
                    f.sval
                    for f in reversed(cast("tuple[Any, ...]", value.fields))
                    if isinstance(f, ast.String)
                ),
                None,
            )
        case ast.FuncCall():
            return value.funcname[-1].sval
        case ast.A_Indirection():
            names = [f.sval for f in value.indirection if isinstance(f, ast.String)]
            return names[-1] if names else _strong_name(value.arg)
        case ast.TypeCast() | ast.CollateClause():
            return _strong_name(value.arg)
        case ast.CaseExpr():
            return _strong_name(value.defresult)
        case ast.MinMaxExpr():
            return "greatest" if value.op == 0 else "least"
        case ast.SQLValueFunction():
            return value.op.name.removeprefix("SVFOP_").removesuffix("_N").lower()
        case ast.SubLink():
            return _sublink_name(value)
        case _:
            return None


_FIXED_NAMES = {
    ast.A_ArrayExpr: "array", ast.RowExpr: "row", ast.CoalesceExpr: "coalesce", ast.GroupingFunc: "grouping",
    ast.JsonObjectConstructor: "json_object", ast.JsonArrayConstructor: "json_array",
    ast.JsonArrayQueryConstructor: "json_array", ast.JsonObjectAgg: "json_objectagg",
    ast.JsonArrayAgg: "json_arrayagg", ast.JsonParseExpr: "json", ast.JsonScalarExpr: "json_scalar",
    ast.JsonSerializeExpr: "json_serialize",
}  # fmt: skip


def _sublink_name(link: ast.SubLink) -> str | None:
    kind = link.subLinkType.name
    if kind == "EXISTS_SUBLINK":
        return "exists"
    if kind == "ARRAY_SUBLINK":
        return "array"
    query = link.subselect
    while query.larg is not None:
        query = query.larg
    if kind != "EXPR_SUBLINK" or not query.targetList:
        return None
    target = query.targetList[0]
    return target.name or _strong_name(target.val)


def _type_name(value: Any) -> str | None:
    return value.typeName.names[-1].sval if isinstance(value, ast.TypeCast) else None


def _cte_columns(cte: ast.CommonTableExpr, columns: Names) -> Names:
    return (*_renamed(columns, tuple(name.sval for name in cte.aliascolnames or ())), *_added(cte))


def _added(cte: ast.CommonTableExpr) -> Iterator[str]:
    if cte.search_clause is not None:
        yield cte.search_clause.search_seq_column
    if cte.cycle_clause is not None:
        yield from (cte.cycle_clause.cycle_mark_column, cte.cycle_clause.cycle_path_column)


def _renamed(columns: Names, names: Names) -> Names:
    return names + columns[len(names) :]


def _aliased(name: str | None, columns: Names, alias: ast.Alias | None) -> dict[str, Names]:
    if alias is None:
        return {name: columns} if name is not None else {"": columns}
    return {alias.aliasname: _renamed(columns, tuple(n.sval for n in alias.colnames or ()))}


def _refused_in_from(item: Any) -> StatementRefused:
    return StatementRefused(
        "Only tables, queries and functions may stand in FROM.",
        hint="Leave TABLESAMPLE, XMLTABLE and JSON_TABLE out; jsonb_to_recordset and ORDER BY random() do their work.",
        rule=f"syntax:{type(item).__name__}",
    )


def unknown(kind: str, name: str, known: Iterable[str], place: dict[str, int]) -> UnknownRelation:
    """The error for a name that is not there, or not for this caller, with the nearest visible ones."""
    near = did_you_mean(name, known)
    return UnknownRelation(
        f"There is no {kind} “{shortened(name)}”.",
        hint=near.sentence or "describe_tables tells what there is.",
        did_you_mean=near.names,
        **place,
    )
