"""Finds in a mail's text what it quotes of earlier ones, so that it can be folded away. Pure."""

import re

_QUOTED = re.compile(r"\s?>")
_SAYS_WHO = re.compile(r"(?=.{8,300}$)(?=.*\d).*(?::|\bwrote\b.*)\s*$")
_OLD_MAIL = re.compile(
    r"[-_ ]{2,}\s*(?:original message|original appointment|ursprüngliche nachricht|message d'origine|"
    r"mensaje original|messaggio originale|oorspronkelijk bericht|opprinnelig melding)\s*[-_ ]{2,}$",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"\*?(?:from|von|de|da|van|fra|sent|gesendet|envoyé|date|datum|to|an|à|aan|til|subject|betreff|"
    r"objet|onderwerp|emne|cc)\s?:\*?\s",
    re.IGNORECASE,
)


def quoted_spans(text: str) -> list[tuple[int, int]]:
    """Where quotes begin and end, with the line that says whose they are. None, when all of the text is quoted."""
    lines = text.split("\n")
    marks = _marks(lines)
    if all(is_quoted or not line.strip() for is_quoted, line in zip(marks, lines, strict=True)):
        return []
    spans: list[tuple[int, int]] = []
    place = 0
    for is_quoted, line in zip(marks, lines, strict=True):
        end = place + len(line)
        if is_quoted and spans and spans[-1][1] == place - 1:
            spans[-1] = spans[-1][0], end
        elif is_quoted:
            spans.append((place, end))
        place = end + 1
    return spans


def _marks(lines: list[str]) -> list[bool]:
    """For each line, whether it is quoted."""
    marks = [bool(_QUOTED.match(line)) for line in lines]
    for number, line in enumerate(lines):
        if _OLD_MAIL.match(line.strip()) or _begins_headers(lines, number):
            return marks[:number] + [True] * (len(lines) - number)
        if marks[number] and number and not marks[number - 1]:
            before = number - 1 if lines[number - 1].strip() else number - 2
            if before >= 0 and not marks[before] and _SAYS_WHO.match(lines[before]):
                marks[before:number] = [True] * (number - before)
    return marks


def _begins_headers(lines: list[str], number: int) -> bool:
    """Outlook's way: From, Sent, To and Subject of the mail before, and then all of it."""
    found = [line for line in lines[number : number + 6] if _HEADER.match(line)]
    return len(found) >= 3 and found[0] is lines[number] and number > 0


def folded(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with each quote replaced by how long it is."""
    pieces: list[str] = []
    place = 0
    for start, end in spans:
        pieces += [text[place:start], f"[… {end - start} quoted characters]"]
        place = end
    return "".join([*pieces, text[place:]])
