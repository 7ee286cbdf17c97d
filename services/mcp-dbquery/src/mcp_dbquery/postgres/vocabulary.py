"""What a statement may be made of: functions, operators, types and kinds of syntax. What is not listed is refused.

All functions and operators are those of pg_catalog (PostgreSQL 14 to 18). None writes, waits, reads files or settings,
runs SQL given as text, tells about the server, or is VOLATILE, but random(), gen_random_uuid() and clock_timestamp().
"""

from itertools import chain

from pglast import ast


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


AGGREGATES = _words("""
    any_value avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every max min mode
    percentile_cont percentile_disc range_agg range_intersect_agg regr_avgx regr_avgy regr_count regr_intercept
    regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp sum variance var_pop var_samp
""")

COLLECTING = _words("""
    array_agg json_agg json_agg_strict json_object_agg json_object_agg_strict json_object_agg_unique jsonb_agg
    jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique string_agg
""")
"""Aggregates whose value grows with the number of rows."""

_WINDOW = _words("""
    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
""")

_TEXT = _words("""
    ascii bit_length btrim casefold char_length character_length chr concat concat_ws decode encode format initcap
    left length lower lpad ltrim md5 normalize octet_length overlay parse_ident position quote_ident quote_literal
    quote_nullable regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
    regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim sha224 sha256
    sha384 sha512 split_part starts_with string_to_array string_to_table strpos substr substring textcat to_ascii
    to_bin to_hex to_oct translate trim unistr upper crc32 crc32c like_escape
    similar_to_escape
""")

_NUMBERS = _words("""
    abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh cot cotd
    degrees div erf erfc exp floor gcd isfinite lcm ln log log10 min_scale mod pi power radians random
    round scale sign sin sind sinh sqrt tan tand tanh to_number trim_scale trunc width_bucket
    float4 float8 int2 int4 int8 numeric
""")

_DATES = _words("""
    age clock_timestamp date date_add date_bin date_part date_subtract date_trunc extract justify_days justify_hours
    justify_interval make_date make_interval make_time make_timestamp make_timestamptz now overlaps
    statement_timestamp timezone to_char to_date to_timestamp transaction_timestamp time timestamp timestamptz
    interval
""")

_JSON = _words("""
    array_to_json json_array_elements json_array_elements_text json_array_length json_build_array
    json_build_object json_each json_each_text json_extract_path json_extract_path_text json_object
    json_object_keys json_scalar json_strip_nulls json_to_record json_to_recordset json_typeof jsonb_array_elements
    jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_concat jsonb_contains
    jsonb_delete jsonb_each jsonb_each_text jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path
    jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_keys jsonb_path_exists jsonb_path_match
    jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set jsonb_strip_nulls
    jsonb_to_record jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb
""")

_ARRAYS = _words("""
    array_append array_cat array_dims array_length array_lower array_ndims array_position array_positions
    array_prepend array_remove array_replace array_reverse array_sort array_to_string array_upper cardinality
    generate_series generate_subscripts string_to_array trim_array unnest
""")

_RANGES = _words("""
    daterange int4range int8range isempty lower_inc lower_inf multirange numrange range_merge tsrange tstzrange
    upper_inc upper_inf
""")

_SEARCH = _words("""
    phraseto_tsquery plainto_tsquery setweight strip to_tsquery to_tsvector ts_headline ts_rank ts_rank_cd
    websearch_to_tsquery numnode
""")

_OTHER = _words("""
    bit_count family gen_random_uuid uuidv7 uuid_extract_timestamp uuid_extract_version get_bit get_byte host
    masklen netmask network num_nonnulls num_nulls pg_typeof text varchar bool
""")

FUNCTIONS = frozenset(
    chain(
        AGGREGATES,
        COLLECTING,
        _WINDOW,
        _TEXT,
        _NUMBERS,
        _DATES,
        _JSON,
        _ARRAYS,
        _RANGES,
        _SEARCH,
        _OTHER,
    )
)

KEY_VALUE_FUNCTIONS = _words("json_each json_each_text jsonb_each jsonb_each_text")
"""In FROM they give the columns key and value; all others one, called like the function or its alias."""

OPERATORS = _words("""
    + - * / % ^ |/ ||/ @ & | # ~ << >> = <> != < <= > >= || ~~ !~~ ~~* !~~* ~* !~ !~* -> ->> #> #>> @> <@ ? ?| ?& @? @@
    #- && &< &> -|- << >> <<= >>= ^@ !! ~~~ SIMILAR
""") | {"~", "BETWEEN"}

TYPES = _words("""
    bool int2 int4 int8 float4 float8 numeric text varchar bpchar char name uuid date time timetz timestamp
    timestamptz interval json jsonb jsonpath bytea bit varbit inet cidr macaddr macaddr8 point box money
    int4range int8range numrange daterange tsrange tstzrange int4multirange int8multirange nummultirange
    datemultirange tsmultirange tstzmultirange tsquery tsvector record
""") - {"record", "money", "name"}
"""No reg* types, which look names up in the catalogue, and no xml."""

FREE_VALUES = _words("SVFOP_CURRENT_DATE SVFOP_CURRENT_TIME SVFOP_CURRENT_TIME_N SVFOP_CURRENT_TIMESTAMP "
                     "SVFOP_CURRENT_TIMESTAMP_N SVFOP_LOCALTIME SVFOP_LOCALTIME_N SVFOP_LOCALTIMESTAMP "
                     "SVFOP_LOCALTIMESTAMP_N")  # fmt: skip
"""CURRENT_DATE and the like; not CURRENT_USER, SESSION_USER, CURRENT_CATALOG and CURRENT_SCHEMA."""

SYSTEM_COLUMNS = _words("ctid xmin xmax cmin cmax tableoid")

NODES = frozenset(
    {
        ast.A_ArrayExpr, ast.A_Const, ast.A_Expr, ast.A_Indices, ast.A_Indirection, ast.A_Star, ast.Alias,
        ast.BitString,
        ast.Boolean, ast.BooleanTest, ast.BoolExpr, ast.CaseExpr, ast.CaseWhen, ast.CoalesceExpr, ast.CollateClause,
        ast.ColumnDef, ast.ColumnRef, ast.CommonTableExpr, ast.CTECycleClause, ast.CTESearchClause, ast.Float,
        ast.FuncCall, ast.GroupingFunc, ast.GroupingSet, ast.Integer, ast.JoinExpr, ast.JsonAggConstructor,
        ast.JsonArrayAgg, ast.JsonArrayConstructor, ast.JsonArrayQueryConstructor, ast.JsonBehavior, ast.JsonFormat,
        ast.JsonFuncExpr, ast.JsonIsPredicate, ast.JsonKeyValue, ast.JsonObjectAgg, ast.JsonObjectConstructor,
        ast.JsonOutput, ast.JsonParseExpr, ast.JsonReturning, ast.JsonScalarExpr, ast.JsonSerializeExpr,
        ast.JsonValueExpr, ast.MinMaxExpr, ast.NamedArgExpr,
        ast.NullTest, ast.ParamRef, ast.RangeFunction, ast.RangeSubselect,
        ast.RangeVar, ast.RawStmt, ast.ResTarget, ast.RowExpr, ast.SelectStmt, ast.SortBy, ast.SQLValueFunction,
        ast.String, ast.SubLink, ast.TypeCast, ast.TypeName, ast.WindowDef, ast.WithClause,
    }
)  # fmt: skip
"""Kinds of syntax. Not among them: INTO, FOR UPDATE, TABLESAMPLE, XML, and everything that is no SELECT."""

ALTERNATIVES = {
    "pg_sleep": "Nothing can wait here.",
    "version": "The server's version is not told.",
    "current_setting": "Settings are not told.",
    "set_config": "Settings cannot be changed.",
    "to_regclass": "describe_tables tells what there is.",
    "xmlagg": "Use json_agg.",
    "query_to_xml": "Ask the query itself.",
    "dblink": "Only this database can be asked.",
    "ifnull": "Use coalesce.",
    "nvl": "Use coalesce.",
    "isnull": "Use IS NULL or coalesce.",
    "group_concat": "Use string_agg(column, ', ').",
    "listagg": "Use string_agg(column, ', ').",
    "median": "Use percentile_cont(0.5) WITHIN GROUP (ORDER BY column).",
    "strftime": "Use to_char(column, 'YYYY-MM').",
    "date_format": "Use to_char(column, 'YYYY-MM').",
    "datediff": "Subtract one date from the other.",
    "date_diff": "Subtract one date from the other.",
    "dateadd": "Add an interval: column + interval '1 day'.",
    "julianday": "Subtract one date from the other.",
    "year": "Use extract(year FROM column).",
    "month": "Use extract(month FROM column).",
    "day": "Use extract(day FROM column).",
    "curdate": "Use CURRENT_DATE.",
    "getdate": "Use now().",
    "instr": "Use strpos(text, part).",
    "len": "Use length(text).",
    "substring_index": "Use split_part(text, delimiter, n).",
    "iif": "Use CASE WHEN … THEN … ELSE … END.",
    "json_extract": "Use column ->> 'key'.",
    "array_fill": "Use array_agg over generate_series.",
    "factorial": "It is left out because its results grow without bound.",
}  # fmt: skip
"""What to use in place of functions that models know from other databases, or may not have here."""
