"""Takes out of foreign text what cannot be seen, turns the direction of reading, or steers a terminal. Pure."""

import re

_ENDS_OF_LINES = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_UNSEEN = re.compile(
    "[\0-\x08\x0e-\x1b\x1f\x7f-\x9f"  # C0 and C1 but tab and newline
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"  # zero width and bidi controls
    "\u2800\u3164\uffa0\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"  # tags and the rarer variation selectors
)
_VIRAMAS = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
_STRAY_JOINERS = re.compile(
    rf"(?<![^\W_])(?<![{_VIRAMAS}])[\u200c\u200d]+|[\u200c\u200d]{{2,}}|[\u200c\u200d]+(?!\w)"
)
"""Joiners belong between letters; elsewhere, and in runs, they can spell a hidden message."""
_STRAY_SELECTORS = re.compile(
    "(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]+|(?<![^\\x00-\\x7f])[\ufe00-\ufe0e]"
)
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_EMOJI_JOINED = re.compile(
    "(?<=[\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])\u200d(?=[\u2190-\u2bff\U0001f000-\U0001faff])"
)
_KEPT_JOINER = "\ue0ff"
"""Stands for a joiner between emoji while the stray ones are taken out."""


def clean(text: str) -> str:
    r"""The text with \n between lines and nothing invisible in it."""
    text = _SPACES.sub(" ", _ENDS_OF_LINES.sub("\n", text))
    if text.isascii():
        return _UNSEEN.sub("", text)
    text = _UNSEEN.sub("", text.replace(_KEPT_JOINER, ""))
    text = _EMOJI_JOINED.sub(_KEPT_JOINER, text)
    text = _STRAY_SELECTORS.sub("", _STRAY_JOINERS.sub("", text))
    return text.replace(_KEPT_JOINER, "\u200d")


def clean_line(text: str, max_chars: int) -> str:
    """The text on one line, one space between words, cut."""
    return " ".join(clean(text[: 8 * max_chars]).split())[:max_chars].rstrip()
