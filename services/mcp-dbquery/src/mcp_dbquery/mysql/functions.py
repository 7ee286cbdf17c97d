"""Which functions a statement may call, by the names that stand in it, and which words open a parenthesis instead.

Left out on purpose: what waits (sleep, benchmark), locks, reads files, changes variables or sequences, tells of the
server, its logins or its schema, puts values into error texts (extractvalue, updatexml), or blows up memory
(uncompress, json_table).
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


AGGREGATES = _words(
    """any_value approx_count_distinct avg bit_and bit_or bit_xor count cume_dist dense_rank first_value group_concat
    grouping json_arrayagg json_objectagg lag last_value lead max median min nth_value ntile percent_rank
    percentile_cont percentile_disc rank row_number std stddev stddev_pop stddev_samp sum var_pop var_samp
    variance"""
)

NUMBERS = _words(
    """abs acos asin atan atan2 bit_count ceil ceiling conv cos cot crc32 degrees exp floor ln log log10 log2 mod pi
    pow power radians rand round sign sin sqrt tan truncate"""
)

TEXTS = _words(
    """ascii bin bit_length char char_length character_length chr concat concat_ws convert elt field find_in_set format
    from_base64 hex instr lcase left length locate lower lpad ltrim md5 mid natural_sort_key oct octet_length ord
    position quote regexp_instr regexp_like regexp_replace regexp_substr repeat replace reverse right rpad rtrim sha1
    sha2 soundex space strcmp substr substring substring_index to_base64 trim ucase unhex upper weight_string"""
)

DATES = _words(
    """adddate addtime convert_tz curdate current_date current_time current_timestamp curtime date date_add
    date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear extract from_days from_unixtime hour
    last_day localtime localtimestamp makedate maketime microsecond minute month monthname now period_add period_diff
    quarter sec_to_time second str_to_date subdate subtime time time_format time_to_sec timediff timestamp
    timestampadd timestampdiff to_days to_seconds unix_timestamp utc_date utc_time utc_timestamp week weekday
    weekofyear year yearweek"""
)

CONDITIONS = _words("cast coalesce greatest if ifnull interval isnull least nullif nvl nvl2")

JSON = _words(
    """json_array json_contains json_contains_path json_depth json_extract json_keys json_length json_object
    json_overlaps json_quote json_search json_type json_unquote json_valid json_value member"""
)

ALLOWED_FUNCTIONS = AGGREGATES | NUMBERS | TEXTS | DATES | CONDITIONS | JSON

BEFORE_PARENTHESIS = _words(
    """select from join where and or xor not in on using exists any all some as over partition by order having union
    except intersect distinct when then else case between like is div mod regexp rlike with recursive values limit
    group interval of escape filter within
    char varchar binary varbinary decimal dec numeric float double signed unsigned integer datetime time timestamp"""
)
"""Words of the grammar and types that may stand before a parenthesis without being a function."""

FORBIDDEN_WORDS = _words(
    """alter analyze call create delete delayed drop dumpfile grant high_priority insert into
    load lock optimize outfile procedure purge release rename revoke schema schemas set show sql_big_result
    sql_buffer_result sql_cache sql_calc_found_rows sql_no_cache sql_small_result straight_join trigger undo unlock
    update use write"""
)
"""Words that only statements which do more than read use. They are reserved: as a name they stand in backticks."""

CALLS_WITHOUT_PARENTHESIS = frozenset({"current_user", "current_role"})
"""Reserved words that call a function which tells of the login."""

LONGEST_TEXT = 1_000_000
"""Characters that one call of repeat, space, lpad or rpad may make."""
