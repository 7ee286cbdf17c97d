"""Keeps secrets from leaving in what is searched for and in the addresses that are asked for. Pure."""

import base64
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

from mcp_search.errors import SecretInQuery, TooMuch

MIN_CANARY = 6
"""Characters; shorter ones would refuse ordinary words."""

_KEYS = re.compile(
    r"""
    \b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b                         # Amazon
    | \bgh[pousr]_[A-Za-z0-9]{30,} | \bgithub_pat_\w{30,}
    | \bgl(?:pat|dt|ptt|rt|cbt|ft)-[\w-]{18,}
    | \bsk-(?:ant-|proj-|or-v1-|svcacct-)?[A-Za-z0-9_-]{18,}       # Anthropic, OpenAI, OpenRouter
    | \b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,} | \bwhsec_[A-Za-z0-9]{20,}
    | \bxox[abeoprs]-[A-Za-z0-9-]{10,} | \bxapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+
    | \bAIza[A-Za-z0-9_-]{35} | \bya29\.[A-Za-z0-9_-]{20,} | \bGOCSPX-[A-Za-z0-9_-]{20,}
    | \beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}                  # a signed token (RFC 7519)
    | \btvly-[A-Za-z0-9-]{16,} | \bBSA[A-Za-z0-9_-]{24,}            # Tavily, Brave
    | \bhf_[A-Za-z0-9]{30,} | \bnpm_[A-Za-z0-9]{30,} | \bpypi-[A-Za-z0-9_-]{30,} | \bdop_v1_[a-f0-9]{40,}
    | \bSG\.[\w-]{16,}\.[\w-]{16,} | \bkey-[a-f0-9]{32}\b
    | \b\d{8,10}:AA[A-Za-z0-9_-]{30,}                               # a Telegram bot
    | -----BEGIN\s[A-Z ]*PRIVATE\sKEY
    | \bAGE-SECRET-KEY-1[A-Z0-9]{20,}
    """,
    re.VERBOSE,
)
_TOLD = re.compile(
    r"""
    \b(?:password|passwd|pwd|passwort|kennwort|secret|api[_-]?key|access[_-]?token|auth[_-]?token|client[_-]?secret)
    \s*[:=]\s*["']?(?P<value>[^\s"'&]{6,})
    | \b[a-z][a-z0-9+.-]{1,15}://[^\s/@:]{1,64}:(?P<in_url>[^\s/@]{3,})@
    | \b(?:bearer|basic)\s+(?P<header>[A-Za-z0-9._~+/=-]{16,})
    """,
    re.IGNORECASE | re.VERBOSE,
)
_LONG = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CARD = re.compile(r"(?<![\d.])[3-6](?:[ -]?\d){12,18}(?![\d.])")
_SEPARATORS = re.compile(r"[\s_.\-]+")
_SIGNS = re.compile(r"[-_/+=]")
_RUNS = re.compile(r"[a-z]+|[A-Z]+|[0-9]+")
MAX_RUN = 2.6
"""Mean length of runs of one sort. Random letters and digits are below 2; words, also in capitals, above 3."""
MIN_BITS = 3.3
"""Of entropy a character, so that repeated patterns are none."""


@dataclass(frozen=True, slots=True)
class Egress:
    """What may leave for the web. It sees shapes, not meanings: a secret that looks like a word passes."""

    max_chars: int = 400
    """Of a query."""
    canaries: Sequence[str] = ()
    """Texts that must never leave, as the operator tells; also reversed, in hexadecimal and in base64."""

    def check_query(self, query: str) -> None:
        """Raises TooMuch (`details`: `limit`, `value`) and SecretInQuery (`details`: `rule`)."""
        if len(query) > self.max_chars:
            raise TooMuch(
                f"A query has at most {self.max_chars} characters.",
                hint="Search for a few words.",
                limit="query_characters",
                value=self.max_chars,
            )
        self._check(query, is_address=False)

    def check_url(self, url: str) -> None:
        """Raises SecretInQuery (`details`: `rule`)."""
        try:
            query = urlsplit(url).query
        except ValueError:
            query = ""
        if _KEYS.search(unquote_plus(url)):
            raise _refused("key")
        self._check_canaries(unquote_plus(url))
        self._check(unquote_plus(query.replace("&", " ")), is_address=True)

    def _check(self, text: str, *, is_address: bool) -> None:
        if _KEYS.search(text):
            raise _refused("key")
        if any(_is_value(found) for found in _TOLD.finditer(text)):
            raise _refused("password")
        self._check_canaries(text)
        if any(_is_card(found.group()) for found in _CARD.finditer(text)):
            raise _refused("card_number")
        # Addresses carry long identifiers of their own sites more often than secrets of ours.
        least = 40 if is_address else 24
        if any(_is_random(found.group(), least) for found in _LONG.finditer(text)):
            raise _refused("random_word")

    def _check_canaries(self, text: str) -> None:
        folded = _folded(text)
        for canary in self.canaries:
            if len(canary) >= MIN_CANARY and any(form in folded for form in _forms(canary)):
                raise _refused("canary")


def _refused(rule: str) -> SecretInQuery:
    """In words that repeat nothing of it."""
    return SecretInQuery(
        "What would leave for the web looks like a secret, or like what must not leave.",
        hint="Leave keys, passwords, tokens and numbers of cards out, and ask about the matter in words.",
        rule=rule,
    )


def _is_value(found: re.Match[str]) -> bool:
    """Not a word of ordinary text, as in "password: forgotten"."""
    value = found["value"]
    if value is None:
        return True
    return not value.strip(".,;:!?)").isalpha() and len(set(value)) > 3


def _is_card(text: str) -> bool:
    digits = [int(sign) for sign in text if sign.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_random(word: str, least: int) -> bool:
    word = word.strip("=-_/")
    if len(word) < least or _UUID.fullmatch(word) or not _is_mixed(word):
        return False
    return _entropy(word) >= MIN_BITS


def _is_mixed(word: str) -> bool:
    """Small and large letters and digits in short runs; words put together by signs or capitals have longer ones."""
    if max(len(part) for part in _SIGNS.split(word)) < 16 or not any(
        sign.isdigit() for sign in word
    ):
        return False
    runs = _RUNS.findall(word)
    return any(not run.isdigit() for run in runs) and sum(map(len, runs)) / len(runs) < MAX_RUN


def _entropy(word: str) -> float:
    """Of its characters, in bits each."""
    counts = Counter(word).values()
    return -sum(count / len(word) * math.log2(count / len(word)) for count in counts)


def _folded(text: str) -> str:
    return _SEPARATORS.sub("", text).casefold()


def _forms(canary: str) -> Iterator[str]:
    plain = _folded(canary)
    yield plain
    yield plain[::-1]
    for octets in (canary.encode(), plain.encode()):
        yield octets.hex()
        for start in range(3):
            # Which letters stand for it depends on where it begins in the text that was encoded (RFC 4648 section 4).
            letters = base64.b64encode(bytes(start) + octets).decode().rstrip("=")
            yield _folded(letters[(8 * start + 5) // 6 : (8 * (start + len(octets))) // 6])
