"""Why a file gives no text, as the reading process says it: closed words for programs, a sentence for people."""

from typing import Literal

Trouble = Literal["unsupported", "unreadable", "too_much"]


class NoText(Exception):
    """The file gives no text. Its words hold nothing of the file but kinds and numbers."""

    def __init__(self, trouble: Trouble, text: str, **details: str | int) -> None:
        super().__init__(text)
        self.trouble: Trouble = trouble
        self.text = text
        self.details = details


def unsupported(text: str, media_type: str) -> NoText:
    return NoText("unsupported", text, media_type=media_type)


def unreadable(reason: str, text: str) -> NoText:
    return NoText("unreadable", text, reason=reason)


def too_much(limit: str, value: int, text: str) -> NoText:
    return NoText("too_much", text, limit=limit, value=value)


def damaged(what: str) -> NoText:
    """For files that begin as what they are and do not go on so."""
    return unreadable("damaged", f"The {what} is damaged or was not uploaded whole.")


def empty() -> NoText:
    return unreadable("empty", "There is no text in the file.")
