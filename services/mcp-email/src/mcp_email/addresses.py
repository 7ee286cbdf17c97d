"""Reads one address from one text, strictly, and says which domains look like another. Pure.

What is refused is legal in RFC 5322 and read differently by different programs (groups, comments, routes, quoted local
parts), or makes a relay send elsewhere (`%` and `!`). Local parts are ASCII: one that is not travels only where every
server on the way speaks SMTPUTF8 (RFC 6531), and nothing could show that its letters are not what they look like.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

import idna
from email_validator import EmailNotValidError, validate_email

from mcp_email.errors import BadAddress, BadContent
from mcp_email.header_text import header_text
from mcp_email.mail import Address

MAX_NAME_OCTETS = 200
MAX_TEXT = 600

_LOCAL_PART = re.compile(r"[A-Za-z0-9#$&'*+/=?^_`{|}~][A-Za-z0-9#$&'*+/=?^_`{|}~.-]*")
"""A dot-atom (RFC 5322 section 3.2.3) without % and !, and not like an option of a command line."""
_IN_ANGLES = re.compile(r"(?P<name>[^<>]*)<(?P<spec>[^<>]*)>")
_QUOTED = re.compile(r'"(?P<text>(?:[^"\\]|\\["\\])*)"')
_NOT_IN_A_NAME = frozenset('()<>[]:;@\\,"')


def parse_addresses(texts: Sequence[str], field: str) -> tuple[Address, ...]:
    """Each text as an address. Raises BadAddress naming `field`."""
    return tuple(parse_address(text, field) for text in texts)


def parse_address(text: str, field: str) -> Address:
    """Read `ada@example.org` or `Ada Lovelace <ada@example.org>`: exactly one address.

    Raises:
        BadAddress: naming `field`, with what is wrong and how to write it.
    """
    if len(text) > MAX_TEXT:
        raise _bad(text, field, "it is too long")
    try:
        header_text(text, field)
    except BadContent as error:
        raise _bad(text, field, str(error).removeprefix(f"{field} ").rstrip(".")) from None
    text = text.strip(" ")
    if "<" not in text and ">" not in text:
        return Address(_spec(text, text, field))
    angles = _IN_ANGLES.fullmatch(text)
    if angles is None:
        raise _bad(text, field, "there must be one address between one < and one > at the end")
    spec = _spec(angles["spec"], text, field)
    return Address(spec, _name(angles["name"].strip(" "), spec, text, field))


def _name(name: str, spec: str, text: str, field: str) -> str:
    quoted = _QUOTED.fullmatch(name)
    if quoted:
        name = re.sub(r"\\(.)", r"\1", quoted["text"]).strip(" ")
    elif set(name) & _NOT_IN_A_NAME:
        raise _bad(text, field, 'a name with punctuation must stand in "quotes"')
    if name.casefold() == spec.casefold():
        return ""
    if looks_like_address(name):
        raise _bad(text, field, "the name looks like another address")
    if len(name.encode()) > MAX_NAME_OCTETS:
        raise _bad(text, field, "the name is too long")
    return " ".join(name.split())


def looks_like_address(name: str) -> bool:
    """Whether people could take a name for the address itself: it has an @, of whatever width."""
    return any(unicodedata.normalize("NFKC", character) == "@" for character in name)


def _spec(spec: str, text: str, field: str) -> str:
    local_part, at, domain = spec.rpartition("@")
    if not at:
        raise _bad(text, field, "it has no @")
    if not _LOCAL_PART.fullmatch(local_part):
        raise _bad(text, field, f"what stands before the @ {_fault(local_part)}")
    ascii_domain = domain_as_sent(domain)
    if ascii_domain is None:
        raise _bad(text, field, "its domain is none that mail can be sent to")
    try:
        checked = validate_email(
            f"{local_part}@{ascii_domain}",
            check_deliverability=False,
            allow_smtputf8=False,
            strict=True,
        )
    except EmailNotValidError as error:
        raise _bad(text, field, str(error).rstrip(".")) from None
    return f"{checked.local_part}@{ascii_domain}"


def _fault(local_part: str) -> str:
    if not local_part.isascii():
        return "must be ASCII letters"
    for character, meaning in {
        "%": "a relay",
        "!": "a relay",
        '"': "quotes",
        "(": "a comment",
    }.items():
        if character in local_part:
            return f"has {meaning} ({character})"
    return "is not a plain name"


def domain_as_sent(domain: str) -> str | None:
    """The domain in lower case A-labels (RFC 5890), or None when mail cannot go there.

    Full-width letters and dots become plain ones (UTS 46). Address literals are none.
    """
    try:
        checked = validate_email(f"a@{domain}", check_deliverability=False)
    except EmailNotValidError:
        return None
    return checked.ascii_domain.lower() if checked.ascii_email else None


def _bad(text: str, field: str, why: str) -> BadAddress:
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:100])
    return BadAddress(
        f"{field}: {shown!r} is not an address that can be written to: {why}.",
        hint="Give each address on its own, as ada@example.org or Ada Lovelace <ada@example.org>.",
        field=field,
        address=shown,
    )


def look_alikes(domains: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Domains (A-labels) that may not be what they seem, each with what it looks like; known ones are not."""
    found: dict[str, str] = {}
    for domain in domains:
        if domain in known:
            continue
        seems = next((other for other in sorted(known) if _is_alike(domain, other)), None)
        if seems is None and _pretends(domain):
            seems = skeleton(domain)
        if seems is not None:
            found[domain] = seems
    return found


def _is_alike(domain: str, other: str) -> bool:
    if domain.endswith(f".{other}") or other.endswith(f".{domain}"):
        return False
    return skeleton(domain) == skeleton(other) or (
        min(len(domain), len(other)) >= 6 and is_one_edit_off(domain, other)
    )


def _pretends(domain: str) -> bool:
    """A label of several scripts, or one in which every foreign letter looks like a Latin one."""
    for label in readable(domain).split("."):
        if label.isascii():
            continue
        scripts = {_script(character) for character in label} - {"COMMON"}
        if len(scripts) > 1 and not any(scripts <= together for together in _WRITTEN_TOGETHER):
            return True
        if not scripts & {"LATIN"} and skeleton(label).isascii():
            return True
    return False


def readable(domain: str) -> str:
    """The domain with its A-labels decoded; one that cannot be stays."""
    return ".".join(_u_label(label) for label in domain.split("."))


def _u_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return idna.ulabel(label)
    except idna.IDNAError:
        return label


def skeleton(domain: str) -> str:
    """What is left when everything that looks alike is written alike (in the manner of UTS 39 section 4)."""
    plain = unicodedata.normalize("NFKD", readable(domain).casefold())
    letters = "".join(_LOOKS_LIKE.get(c, c) for c in plain if not unicodedata.combining(c))
    for seen, read in _RUNS_TOGETHER:
        letters = letters.replace(seen, read)
    return letters


def is_one_edit_off(one: str, other: str) -> bool:
    """Whether a letter added, left out, changed or swapped with its neighbour makes one of the other."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one, other), key=len)
    start = next(
        (i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short)
    )
    if len(short) < len(long):
        return short[start:] == long[start + 1 :]
    swapped = short[start + 1 : start + 2] + short[start : start + 1]
    return short[start + 1 :] == long[start + 1 :] or (
        swapped == long[start : start + 2] and short[start + 2 :] == long[start + 2 :]
    )


def _script(character: str) -> str:
    name = unicodedata.name(character, "COMMON").partition(" ")[0]
    return name if unicodedata.category(character)[0] == "L" else "COMMON"


_WRITTEN_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
)
"""Scripts of one language (UTS 39 section 5.2, "highly restrictive")."""

_LOOKS_LIKE = {
    seen: letter
    for letter, all_seen in {
        "a": "аαɑ", "b": "ьв", "c": "сϲⅽ", "d": "ԁժⅾ", "e": "еҽє", "g": "ɡց", "h": "һհн", "i": "іιɩı", "j": "јյ",
        "k": "кκ", "l": "ӏⅼ1|", "m": "мⅿ", "n": "ոηп", "o": "оοσօ0", "p": "рρ", "q": "ԛզ", "r": "гɾ", "s": "ѕꜱ",
        "t": "тτ", "u": "υսʋ", "v": "ѵνⅴ", "w": "ԝωա", "x": "хχⅹ", "y": "уγү", "z": "ᴢ",
    }.items()
    for seen in all_seen
}  # fmt: skip
"""Cyrillic, Greek and Armenian letters, and digits, with the Latin letter each is mistaken for."""
_RUNS_TOGETHER = (("rn", "m"), ("vv", "w"), ("cl", "d"))
