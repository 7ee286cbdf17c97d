"""Numbers, dates, times by what they mean: `1,200` is `1200`, `9 am` is `9:00`, two weeks are 14 days. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "date", "time"]

_WORDS = {
    name: float(value)
    for value, names in {
        0: "zero null",
        1: "one ein eine einen einem einer eines eins",
        2: "two zwei",
        3: "three drei",
        4: "four vier",
        5: "five fünf",
        6: "six sechs",
        7: "seven sieben",
        8: "eight acht",
        9: "nine neun",
        10: "ten zehn",
        11: "eleven elf",
        12: "twelve zwölf dozen",
        13: "thirteen dreizehn",
        14: "fourteen vierzehn",
        15: "fifteen fünfzehn",
        16: "sixteen sechzehn",
        17: "seventeen siebzehn",
        18: "eighteen achtzehn",
        19: "nineteen neunzehn",
        20: "twenty zwanzig",
        30: "thirty dreißig dreissig",
        40: "forty vierzig",
        50: "fifty fünfzig",
        60: "sixty sechzig",
        70: "seventy siebzig",
        80: "eighty achtzig",
        90: "ninety neunzig",
    }.items()
    for name in names.split()
}
_SCALES = {
    "hundred": 1e2,
    "hundert": 1e2,
    "thousand": 1e3,
    "tausend": 1e3,
    "k": 1e3,
    "million": 1e6,
    "millions": 1e6,
    "millionen": 1e6,
    "mio": 1e6,
    "billion": 1e9,
    "billions": 1e9,
    "bn": 1e9,
    "milliarden": 1e9,
    "mrd": 1e9,
}
_UNITS = {
    name: (unit, factor)
    for unit, names in {
        "%": {1: "% percent prozent"},
        "eur": {1: "€ eur euro euros"},
        "usd": {1: "$ usd dollar dollars"},
        "gbp": {1: "£ gbp"},
        "chf": {1: "chf franken francs"},
        "time": {
            1: "s sec second seconds sekunde sekunden",
            60: "min minute minutes minuten",
            3_600: "h hour hours stunde stunden",
            86_400: "d day days tag tage tagen",
            604_800: "week weeks woche wochen",
        },
        "months": {
            1: "month months monat monate monaten",
            3: "quarter quarters quartal quartale",
            12: "year years jahr jahre jahren",
        },
        "octets": {
            1: "byte bytes",
            10**3: "kb kilobyte kilobytes",
            10**6: "mb megabyte megabytes",
            10**9: "gb gigabyte gigabytes",
            10**12: "tb terabyte terabytes",
        },
        "metres": {
            10**-3: "mm millimetre millimetres millimeter millimeters",
            10**-2: "cm centimetre centimetres centimeter centimeters",
            1: "m metre metres meter meters",
            10**3: "km kilometre kilometres kilometer kilometers",
        },
        "grams": {1: "gram grams gramm", 10**3: "kg kilogram kilograms kilogramm"},
    }.items()
    for factor, listed in names.items()
    for name in listed.split()
}
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january januar jan jänner",
            "february februar feb",
            "march märz mar mär",
            "april apr",
            "may mai",
            "june juni jun",
            "july juli jul",
            "august aug",
            "september sep sept",
            "october oktober oct okt",
            "november nov",
            "december dezember dec dez",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DATES = [
    re.compile(r"\b(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})\b"),
    re.compile(r"\b(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})\b"),
    re.compile(
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(?P<name>{_MONTH})\b\.?(?:,?\s+(?P<year>\d{{4}})\b)?",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?P<name>{_MONTH})\b\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<year>\d{{4}})\b)?",
        re.IGNORECASE,
    ),
]
_TIME = re.compile(
    r"\b(?P<hour>\d{1,2})[:.](?P<minute>[0-5]\d)(?::[0-5]\d)?(?:\s*(?P<half>[ap])\.?m\b\.?|\s*(?:uhr|h)\b|(?=\s*(?:utc|cet)\b)|(?<=:..))"
    r"|\b(?P<full>\d{1,2})\s*(?:(?P<side>[ap])\.?m\b\.?|o['’]clock|uhr\b)",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?P<sign>[€$£]\s?)?(?<![\w.])"
    r"(?P<digits>\d{1,3}(?:[,.\u00a0\u202f' ]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d+)?)(?![\w]*\d)"
    r"|\b(?P<word>[^\W\d_]+)(?:-(?P<unit>one|two|three|four|five|six|seven|eight|nine))?\b",
    re.IGNORECASE,
)
_AFTER = re.compile(r"[\s\u00a0-]?(?P<mark>[%€$£])|[\s\u00a0-]?(?P<word>[^\W\d_]+)")
_CODE = re.compile(
    r"(?<![\w.-])(?=[\w./-]*\d)(?:[^\W\d_]+[-.]?\d[\w.-]*|\d+(?:\.\d+){2,}|\d+[^\W\d_]+\d[\w-]*)(?<![.-])"
)
"""`E1042`, `AES-256`, `v2`, `4.2.0`: names with digits in them."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number, date or time that a text gives."""

    kind: Kind
    values: frozenset[float]
    """As written; `1.200` may mean two. A date: year (or 0), month, day as one number. A time: minutes of the day."""
    unit: str = ""
    """What it is counted in, larger and smaller as one: `time`, `eur`. Empty: none, or one that is not known."""
    factor: float = 1.0
    """To the unit's smallest."""

    def is_in(self, others: "list[Amount]") -> bool:
        """One of the others is the same, as far as both are told."""
        return any(self.is_like(other) for other in others)

    def is_like(self, other: "Amount") -> bool:
        if self.kind != other.kind:
            return False
        if self.kind == "date":
            return any(_same_date(one, two) for one in self.values for two in other.values)
        if not self.unit or not other.unit:
            return any(_close(one, two) for one in self.values for two in other.values)
        return self.unit == other.unit and any(
            _close(one * self.factor, two * other.factor)
            for one in self.values
            for two in other.values
        )

    def may_stand_for(self, other: "Amount") -> bool:
        """Both answer the same question: how many euros, which day."""
        return self.kind == other.kind and self.unit == other.unit


def find_codes(text: str) -> set[str]:
    """Names with digits in them, without case."""
    return {match.group().casefold() for match in _CODE.finditer(text)}


def find_amounts(text: str) -> list[Amount]:
    """All, in no order. `one` is a number, too, though it often means none."""
    found: list[Amount] = []
    rest = text
    for pattern in _DATES:
        rest = pattern.sub(lambda match: _take(found, _date(match)), rest)
    rest = _CODE.sub(" ", _TIME.sub(lambda match: _take(found, _time(match)), rest))
    place = 0
    while match := _NUMBER.search(rest, place):
        place = match.end()
        amount, place = _number(rest, match)
        if amount is not None:
            found.append(amount)
    return found


def _take(found: list[Amount], amount: Amount) -> str:
    found.append(amount)
    return " "


def _date(match: re.Match[str]) -> Amount:
    groups = match.groupdict()
    name = groups.get("name")
    month = _MONTHS[name.lower()] if name else int(groups["month"])
    number = int(groups["year"] or 0) * 10_000 + month * 100 + int(groups["day"])
    return Amount("date", frozenset({float(number)}))


def _same_date(one: float, two: float) -> bool:
    if one < 10_000 or two < 10_000:
        return one % 10_000 == two % 10_000
    return one == two


def _time(match: re.Match[str]) -> Amount:
    hour = int(match["hour"] or match["full"])
    side = (match["half"] or match["side"] or "").lower()
    if side:
        hour = hour % 12 + (12 if side == "p" else 0)
    return Amount("time", frozenset({hour * 60.0 + int(match["minute"] or 0)}))


def _number(text: str, match: re.Match[str]) -> tuple[Amount | None, int]:
    """The number that begins with the match, and where it ends."""
    if match["digits"]:
        values = _readings(match["digits"])
    else:
        value = _WORDS.get(match["word"].lower())
        if value is None:
            return None, match.end()
        values = {value + _WORDS.get((match["unit"] or "null").lower(), 0.0)}
    place = match.end()
    after = _AFTER.match(text, place)
    if after and (scale := _SCALES.get((after["word"] or "").lower())) is not None:
        values, place = {value * scale for value in values}, after.end()
        after = _AFTER.match(text, place)
    name = (match["sign"] or "").strip()
    if not name and after:
        name = (after["mark"] or after["word"]).lower()
        if name == "per" and text[after.end() :].lstrip().lower().startswith("cent"):
            name = "%"
    unit, factor = _UNITS.get(name, ("", 1))
    return Amount("number", frozenset(values), unit, factor), place


def _readings(digits: str) -> set[float]:
    """`1,200` is 1200 or 1.2, depending on who writes; `1,250.50` is one number."""
    plain = re.sub(r"[\u00a0\u202f' ]", "", digits)
    marks = [mark for mark in plain if mark in ",."]
    if not marks:
        return {float(plain)}
    last = marks[-1]
    whole, _, part = plain.rpartition(last)
    decimal = float(f"{re.sub(r'[,.]', '', whole) or '0'}.{part}")
    grouped = float(re.sub(r"[,.]", "", plain))
    if len(part) != 3:
        return {decimal}
    return {grouped, decimal} if len(marks) == 1 else {grouped}


def _close(one: float, two: float) -> bool:
    return abs(one - two) <= 1e-9 * max(abs(one), abs(two), 1.0)
