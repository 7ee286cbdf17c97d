"""What pages with forms have in common: reading fields, and saying on the next page what came of it."""

from collections.abc import Callable
from urllib.parse import urlencode

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue

from frontend.accounts.roles import Role
from shared.errors import Conflict, InvalidInput, NotAllowed, TooManyRequests

MAX_FIELD_CHARACTERS = 1_000
PAGE_ROWS = 25
MAX_PAGE = 100_000


def done(path: str, act: Callable[[], object], words: str) -> ResponseReturnValue:
    """Do it, go to a page of ours, and say there that it was done, or why it was not."""
    try:
        act()
    except (Conflict, InvalidInput, NotAllowed, TooManyRequests) as error:
        flash(error.message, "error")
    else:
        flash(words, "done")
    return redirect(path, 303)


def text_field(name: str) -> str:
    """One line without spaces around; empty when it was not sent."""
    return " ".join(request.form.get(name, "")[:MAX_FIELD_CHARACTERS].split())


def number_field(name: str, *, at_least: int, at_most: int, words: str) -> int:
    """Raises InvalidInput, with the words."""
    typed = text_field(name)
    if not typed.isascii() or not typed.isdecimal() or len(typed) > 9:
        raise InvalidInput(words)
    number = int(typed)
    if not at_least <= number <= at_most:
        raise InvalidInput(words)
    return number


def role_field() -> Role:
    """Raises InvalidInput: there is no such role."""
    try:
        return Role(text_field("role"))
    except ValueError:
        raise InvalidInput("Choose a role.") from None


def page_asked() -> int:
    """Which part of a list, from 1 on; the first when the address says nothing useful."""
    typed = request.args.get("page", "1")
    if not typed.isascii() or not typed.isdecimal() or len(typed) > 6:
        return 1
    return min(max(int(typed), 1), MAX_PAGE)


def page_address(page: int) -> str:
    """Of another part of the list that is shown."""
    return f"{request.path}?{urlencode({**request.args.to_dict(), 'page': str(page)})}"


def words_asked(name: str) -> str:
    """What is searched for; empty when that cannot be a name or an address."""
    typed = " ".join(request.args.get(name, "")[:MAX_FIELD_CHARACTERS].split())
    return typed if typed.isprintable() else ""
