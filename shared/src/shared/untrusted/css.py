"""Just enough CSS to see that a text is not seen: declarations, rules, lengths and colours. Pure, bounded."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_SHEET = 200_000
"""Characters of all style sheets of a document together."""
MAX_RULES = 5_000
VIEWPORT_PX = 1024
FONT_PX = 16.0

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})[ \t\n]?|\\(.)", re.DOTALL)
_NUMBER = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,2})?)\s*([a-z%]*)")
_SPECIFIC = re.compile(r"(#[\w-]+)|(\.[\w-]+|\[[^\]]*\]|:[\w-]+)|([a-z][\w-]*)", re.IGNORECASE)
_MEDIA_WIDTH = re.compile(r"(min|max)-(?:device-)?width\s*:\s*([\d.]+)\s*(px|em|rem)?")
_VARIABLE = re.compile(r"var\(\s*(--[\w-]+)\s*(?:,([^()]*))?\)")
_GRADIENT_COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|(?:rgb|hsl)a?\([^()]*\)|[a-z]+")

Declarations = dict[str, tuple[str, bool]]
"""Property: value in lower case, and whether it is !important."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One selector with what it declares."""

    selector: str
    specificity: tuple[int, int, int]
    declarations: Declarations


def declarations_of(text: str) -> Declarations:
    """The declarations of a style attribute or a block; the last of a property counts."""
    found: Declarations = {}
    for declaration in _COMMENT.sub("", text).split(";"):
        name, colon, value = unescaped(declaration).partition(":")
        value = value.strip().lower()
        is_important = value.endswith("important") and "!" in value
        if colon and value:
            value = value.rpartition("!")[0].strip() if is_important else value
            name = name.strip().lower()
            if not (name in found and found[name][1] and not is_important):
                found[name] = (value, is_important)
    return found


def unescaped(text: str) -> str:
    r"""CSS escapes undone: `n\6fne` is none."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda one: _character(one[1]) if one[1] else one[2], text)


def _character(digits: str) -> str:
    number = int(digits, 16)
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"


def rules_of(sheet: str) -> Iterator[Rule]:
    """The rules that hold on a wide screen, in order; at most 5,000."""
    sheet = _COMMENT.sub("", sheet[:MAX_SHEET]).replace("<!--", "").replace("-->", "")
    opened: list[bool] = []
    """Whether what stands inside of the @-rules that are open holds."""
    place = count = 0
    while count < MAX_RULES:
        brace = re.compile(r"[{};]").search(sheet, place)
        if brace is None:
            return
        prelude = sheet[place : brace.start()].strip()
        place = brace.end()
        if brace.group() == "}":
            if opened:
                opened.pop()
        elif brace.group() == "{" and prelude.startswith("@"):
            opened.append(_holds(prelude.lower()))
        elif brace.group() == "{":
            end = sheet.find("}", place)
            block = sheet[place:] if end < 0 else sheet[place:end]
            place = len(sheet) if end < 0 else end + 1
            if all(opened):
                declarations = declarations_of(block)
                for selector in _selectors(prelude):
                    count += 1
                    yield Rule(selector, _specificity(selector), declarations)


def _selectors(prelude: str) -> list[str]:
    """Split at commas outside of parentheses and brackets."""
    found, depth, start = list[str](), 0, 0
    for place, character in enumerate(prelude):
        depth += (character in "([") - (character in ")]")
        if character == "," and depth <= 0:
            found.append(prelude[start:place].strip())
            start = place + 1
    return [one for one in (*found, prelude[start:].strip()) if one]


def _holds(condition: str) -> bool:
    """Whether an @-rule's block counts on a screen of 1024 pixels."""
    if not condition.startswith("@media"):
        return condition.startswith(("@supports", "@layer", "@container", "@scope"))
    return any(_query_holds(query) for query in condition.removeprefix("@media").split(","))


def _query_holds(query: str) -> bool:
    if re.search(r"\b(print|speech|braille|tty|dark)\b", query):
        return False
    for bound, number, unit in _MEDIA_WIDTH.findall(query):
        pixels = _float(number) * (1 if unit in {"px", ""} else FONT_PX)
        if (pixels > VIEWPORT_PX) if bound == "min" else (pixels < VIEWPORT_PX):
            return False
    return True


def _specificity(selector: str) -> tuple[int, int, int]:
    ids = classes = tags = 0
    for by_id, by_class, by_tag in _SPECIFIC.findall(selector):
        ids, classes, tags = ids + bool(by_id), classes + bool(by_class), tags + bool(by_tag)
    return ids, classes, tags


def resolved(value: str, variables: Mapping[str, str]) -> str:
    """The value with its variables put in, three deep."""
    for _ in range(3):
        if "var(" not in value:
            break
        value = _VARIABLE.sub(
            lambda one: variables.get(one[1], (one[2] or "").strip())[:200], value
        )[:1_000]
    return value


def length_px(value: str, font_px: float = FONT_PX) -> float | None:
    """A length in pixels, or None when it is none that can be known. All zeros of a calc() are zero."""
    value = value.strip()
    if value.startswith(("calc(", "min(", "max(", "clamp(")):
        numbers = [_float(number) for number, _ in _NUMBER.findall(value[:200])]
        return 0.0 if numbers and not any(numbers) else None
    found = _NUMBER.match(value)
    if found is None:
        return None
    number, unit = _float(found[1]), found[2]
    if number == 0:
        return 0.0
    return number * _PX[unit] if unit in _PX else number * font_px if unit == "em" else None


def share(value: str) -> float | None:
    """A number or a percentage, as of opacity."""
    found = _NUMBER.match(value.strip())
    if found is None:
        return None
    return _float(found[1]) / (100 if found[2] == "%" else 1)


def numbers_in(value: str) -> list[tuple[float, str]]:
    """The numbers of a value with their units."""
    return [(_float(number), unit) for number, unit in _NUMBER.findall(value[:300])]


def _float(text: str) -> float:
    return max(-1e9, min(1e9, float(text)))


Colour = tuple[int, int, int]


def colour(value: str, behind: Colour) -> Colour | None:
    """What is seen of a colour in front of another; None when it is no colour."""
    value = value.strip()
    if value == "transparent":
        return behind
    if value.startswith(("linear-gradient", "radial-gradient", "url(")):
        return next(
            (
                seen
                for word in _GRADIENT_COLOUR.findall(value[:300])
                if (seen := colour(word, behind))
            ),
            None,
        )
    if value.startswith("#"):
        return _hexadecimal(value[1:].split(" ")[0], behind)
    if value.startswith(("rgb", "hsl")):
        return _function(value, behind)
    return NAMED.get(value.split(" ")[0])


def _hexadecimal(digits: str, behind: Colour) -> Colour | None:
    if not re.fullmatch(r"[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8}", digits):
        return None
    if len(digits) <= 4:
        digits = "".join(2 * digit for digit in digits)
    octets = [int(digits[place : place + 2], 16) for place in range(0, len(digits), 2)]
    return _mixed(
        octets[0], octets[1], octets[2], octets[3] / 255 if len(octets) == 4 else 1, behind
    )


def _function(value: str, behind: Colour) -> Colour | None:
    numbers = numbers_in(value[4:] if value[3] == "(" else value[5:])
    if len(numbers) < 3:
        return None
    alpha = numbers[3][0] / (100 if numbers[3][1] == "%" else 1) if len(numbers) > 3 else 1.0
    if value.startswith("rgb"):
        red, green, blue = (n * 2.55 if unit == "%" else n for n, unit in numbers[:3])
    else:
        red, green, blue = _of_hue(numbers[0][0], numbers[1][0] / 100, numbers[2][0] / 100)
    return _mixed(red, green, blue, alpha, behind)


def _of_hue(hue: float, saturation: float, lightness: float) -> tuple[float, float, float]:
    """CSS Color 4 section 7."""
    reach = saturation * min(lightness, 1 - lightness)

    def channel(offset: int) -> float:
        place = (offset + hue / 30) % 12
        return 255 * (lightness - reach * max(-1, min(place - 3, 9 - place, 1)))

    return channel(0), channel(8), channel(4)


def _mixed(red: float, green: float, blue: float, alpha: float, behind: Colour) -> Colour:
    alpha = max(0.0, min(1.0, alpha))
    one, two, three = (
        round(max(0.0, min(255.0, front)) * alpha + back * (1 - alpha))
        for front, back in zip((red, green, blue), behind, strict=True)
    )
    return one, two, three


_PX = {"px": 1.0, "": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78, "q": 0.945, "rem": FONT_PX,
       "vw": VIEWPORT_PX / 100, "vh": 7.68, "ex": 8.0, "ch": 8.0}  # fmt: skip
NAMED: dict[str, Colour] = {
    name: (int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16))
    for name, digits in (
        pair.split("=")
        for pair in """
        white=ffffff snow=fffafa ivory=fffff0 floralwhite=fffaf0 ghostwhite=f8f8ff mintcream=f5fffa azure=f0ffff
        aliceblue=f0f8ff seashell=fff5ee honeydew=f0fff0 whitesmoke=f5f5f5 lavenderblush=fff0f5 oldlace=fdf5e6
        linen=faf0e6 beige=f5f5dc lightyellow=ffffe0 cornsilk=fff8dc lightcyan=e0ffff lavender=e6e6fa gainsboro=dcdcdc
        lightgray=d3d3d3 lightgrey=d3d3d3 silver=c0c0c0 darkgray=a9a9a9 darkgrey=a9a9a9 gray=808080 grey=808080
        dimgray=696969 dimgrey=696969 black=000000 red=ff0000 darkred=8b0000 maroon=800000 crimson=dc143c
        orange=ffa500 darkorange=ff8c00 orangered=ff4500 tomato=ff6347 coral=ff7f50 salmon=fa8072 gold=ffd700
        yellow=ffff00 khaki=f0e68c olive=808000 lime=00ff00 green=008000 darkgreen=006400 seagreen=2e8b57
        lightgreen=90ee90 limegreen=32cd32 teal=008080 aqua=00ffff cyan=00ffff turquoise=40e0d0 navy=000080
        blue=0000ff darkblue=00008b mediumblue=0000cd royalblue=4169e1 steelblue=4682b4 dodgerblue=1e90ff
        lightblue=add8e6 skyblue=87ceeb indigo=4b0082 purple=800080 violet=ee82ee magenta=ff00ff fuchsia=ff00ff
        pink=ffc0cb brown=a52a2a tan=d2b48c chocolate=d2691e sienna=a0522d slategray=708090 slategrey=708090
        midnightblue=191970 darkslategray=2f4f4f darkslategrey=2f4f4f
        """.split()  # noqa: SIM905 - read as lines of words
    )
}
