"""What a text says apart from its numbers: words, names, what it denies, its side of an opposite. Pure."""

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?|[.,;:!?]")


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORD = re.compile(r"[^\W\d_][\w'’]*")
_FILLERS = _listed(
    """
    a about after again all also although am among an and any are as at be because been before being between both
    but by can could did do does doing down during each either else ever every for from further get gets give
    given gives had has have having he her here him his how however i if in into is it its itself just let like
    made make makes many may me might more most much must my need needs neither no nobody none nor not nothing now
    of off on once one only or other our out over own per rather same shall she should since so some such than
    that the their them then there these they this those though through thus to too until up upon us very was we
    were what when where which while who whom whose why will with within without would yes yet you your anyone
    someone everybody everyone already still even never cannot der die das den dem des ein eine einen einem einer
    eines und oder aber in im an am auf aus bei mit nach von vom zu zum zur für um über unter ist sind war waren
    wird werden wurde wurden hat haben kann können darf dürfen muss müssen soll sich es er sie wir ihr ich man
    nicht kein keine keinen keiner auch nur noch als wie so dass wenn weil bis durch ohne
    """
)
_DENIALS = _listed(
    """
    not no never none nobody nothing neither nor without cannot
    nicht kein keine keinen keiner keinem nie niemals niemand nichts ohne weder
    """
)
_PHRASES = [
    (re.compile(pattern, re.IGNORECASE), stand_in)
    for pattern, stand_in in (
        (r"\b(?:no|not) (?:more|longer|higher|greater) than\b", " maximum "),
        (r"\b(?:no|not) (?:less|fewer|shorter|lower) than\b", " minimum "),
        (r"\b(?:no|not) (?:earlier|later) than\b", " "),
        (r"\bat (?:the )?most\b|\bup to\b|\bhöchstens\b", " maximum "),
        (r"\bat (?:the )?least\b|\bmindestens\b", " minimum "),
        (r"\b(?:no longer|not any ?more|nicht mehr)\b", " not "),
        (r"\bnot only\b", " "),
        (r"\b(?:prohibited|forbidden|banned|disallowed|verboten)\b", " not allowed "),
        (r"\b(?:permitted|erlaubt)\b", " allowed "),
        (r"\b(?:once )?(?:a|per|each|every|pro|jeden) (?:day|night|evening|tag)\b", " daily "),
        (r"\b(?:once )?(?:a|per|each|every|pro|jede) (?:week|woche)\b", " weekly "),
        (r"\b(?:once )?(?:a|per|each|every|pro|jeden) (?:month|monat)\b", " monthly "),
        (r"\b(?:once )?(?:a|per|each|every|pro|jedes) (?:quarter|quartal)\b", " quarterly "),
        (r"\b(?:once )?(?:a|per|each|every|pro|jedes) (?:year|jahr)\b", " yearly "),
        (r"\bcan['’]t\b", " cannot"),
        (r"\bwon['’]t\b", " will not"),
        (r"n['’]t\b", " not"),
    )
]
_OPPOSITES: list[tuple[str, ...]] = [
    tuple(line.split())
    for line in """
    increase/increases/increased/rise/rises/rose/risen/grew decrease/decreases/decreased/fall/falls/fell/fallen/dropped
    maximum minimum
    above below
    include/includes/included/including exclude/excludes/excluded/excluding
    mandatory/required/compulsory/obligatory optional/voluntary
    daily weekly monthly quarterly yearly/annual/annually
    open/opened/opens closed/close/closes
    internal/internally external/externally
    public private
    north/northern south/southern
    east/eastern west/western
    left right
    morning afternoon evening night
    enabled/enable/enables disabled/disable/disables
    buyer seller
    employer employee/employees
    landlord tenant
    lender borrower
    first second third last
    true false
    keep/keeps/kept lose/loses/lost discard/discards/discarded
    accept/accepts/accepted/approved reject/rejects/rejected/refused
    monday tuesday wednesday thursday friday saturday sunday
    mondays tuesdays wednesdays thursdays fridays saturdays sundays
    january february march april june july august september october november december
    """.strip().splitlines()
]
_SIDES = {
    word: (number, side)
    for number, sides in enumerate(_OPPOSITES)
    for side, words in enumerate(sides)
    for word in words.split("/")
}
_TURNS = _listed(
    "avoid avoided avoids earliest except instead latest only other rather unless außer nur statt"
)
"""What denies in ways that are not read here."""
_REACH = 3
"""Words behind a denial that it denies."""
_STEM = 6
"""Characters of a word by which its forms are told to be the same: `reimbursed`, `reimbursement`."""
_SHORTEST_NAME = 2
_TITLE_LIKE = 0.5
"""Share of capitalised words from which they tell no names."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One sentence's, or one part's."""

    stems: frozenset[str]
    """Of words that carry meaning."""
    affirmed: frozenset[str] = frozenset()
    """Stems that are said without a denial before them."""
    denied: frozenset[str] = frozenset()
    denies: bool = False
    turns: bool = False
    """It may deny in a way that is not read here."""
    subject: str = ""
    """Its first stem."""
    sides: frozenset[tuple[int, int]] = field(default_factory=frozenset[tuple[int, int]])
    """Which opposite, and which of its sides."""
    capitals: frozenset[str] = frozenset()
    """Capitalised words behind the first, without case: names, unless most words are like that."""
    initial: str = ""
    """The first word, without case, if it is capitalised: a name or not."""
    is_title_like: bool = False
    """Most words are capitalised: a heading, a row, a list of names, German."""
    all_words: frozenset[str] = frozenset()
    """Without case."""


def stem(word: str) -> str:
    """The form-free beginning of a word. Crude on purpose: it serves any language with endings."""
    word = re.sub(r"['’]s?$", "", word.casefold())
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4 - len(ending) // 2:
            word = word.removesuffix(ending)
            break
    return word.removesuffix("e")[:_STEM] if len(word) > 3 else word


def read_wording(text: str) -> Wording:
    """Numbers and single letters are not among the stems."""
    for pattern, stand_in in _PHRASES:
        text = pattern.sub(stand_in, text)
    affirmed: set[str] = set()
    denied: set[str] = set()
    sides: set[tuple[int, int]] = set()
    words: set[str] = set()
    reach = 0
    subject = ""
    for match in _TOKEN.finditer(text):
        word = match.group().casefold()
        if word in ".,;:!?":
            reach = 0
            continue
        words.add(word)
        if word in _SIDES:
            sides.add(_SIDES[word])
        if word in _DENIALS:
            reach = _REACH
        elif word == "but":
            reach = 0
        elif word not in _FILLERS and not word[0].isdigit() and len(word) > 1:
            subject = subject or stem(word)
            (denied if reach else affirmed).add(stem(word))
            reach -= bool(reach)
    capitals, initial, is_title_like = _capitals(text)
    return Wording(
        stems=frozenset(affirmed | denied),
        affirmed=frozenset(affirmed),
        denied=frozenset(denied),
        denies=bool(words & _DENIALS),
        turns=bool(words & _TURNS),
        subject=subject,
        sides=frozenset(sides),
        capitals=capitals,
        initial=initial,
        is_title_like=is_title_like,
        all_words=frozenset(words),
    )


def _capitals(text: str) -> tuple[frozenset[str], str, bool]:
    words = [match.group() for match in _WORD.finditer(text)]
    is_title_like = sum(word[0].isupper() for word in words) > _TITLE_LIKE * len(words)
    found = [
        re.sub(r"['’]s?$", "", word.casefold())
        if word[0].isupper() and len(word) >= _SHORTEST_NAME
        else ""
        for word in words
    ]
    return frozenset(found[1:]) - _FILLERS - {""}, found[0] if found else "", is_title_like
