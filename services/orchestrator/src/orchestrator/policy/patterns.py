"""Regular expressions that cannot be made to run for long, whatever text they meet. Pure.

Python's engine backtracks: a repeated group can take time exponential in the text's length, and each further repeat
raises the power of it. Patterns that could are refused when the file is read, and longer text is not judged at all.
"""

import re

MAX_PATTERN_CHARACTERS = 200
MAX_TEXT_CHARACTERS = 500
MAX_REPEATS = 3
"""`*`, `+` and `{m,n}` in one pattern; `?` and `{n}` do not count."""

_IGNORE_CASE = "(?i)"
_ESCAPE_OR_SET = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_BACK_REFERENCE = re.compile(r"\\[1-9]")
_SPECIAL_GROUP = re.compile(r"\(\?(?!:)")
_REPEATED_GROUP = re.compile(r"\)[*+{]")
_REPEAT = re.compile(r"[*+]|\{\d*,\d*\}")


def problem_with(pattern: str) -> str | None:
    """Why a pattern is not usable in a rule, None when it is."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        return f"it is longer than {MAX_PATTERN_CHARACTERS} characters; use a shorter one"
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"it is not a regular expression: {error}"
    pattern = pattern.removeprefix(_IGNORE_CASE)
    bare = _ESCAPE_OR_SET.sub("x", pattern)
    if any(_BACK_REFERENCE.match(part) for part in _ESCAPE_OR_SET.findall(pattern)):
        return "it refers back to a group, which can take very long; write it without"
    if _SPECIAL_GROUP.search(bare):
        return "of groups only ( ) and (?: ) may be used, and of options only (?i) at the beginning"
    if _REPEATED_GROUP.search(bare):
        return "it repeats a group, which can take very long; repeat single characters or [sets]"
    if len(_REPEAT.findall(bare)) > MAX_REPEATS:
        return (
            f"it has more than {MAX_REPEATS} of *, + and {{m,n}}, which together can take very long"
        )
    return None


def matches(pattern: str, text: str) -> bool | None:
    """Whether the whole text fits; None when the text is too long to be judged.

    A dot stands for line breaks too, so that one cannot hide what follows it.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        return None
    return re.fullmatch(pattern, text, re.DOTALL) is not None
