"""What people ask of a tracker that this one does not keep: said, where it can be, instead of "not understood"."""

import re

_REASONS = [
    (
        re.compile(
            r"\b(?:over budget|under budget|spent|spending|spend|cost|costs|expenses)\b",
            re.IGNORECASE,
        ),
        "The tracker has each project's budget but not what was spent of it, so I can't tell. "
        "“List projects” shows the budgets.",
    ),
    (
        re.compile(r"\bbudgets?\b", re.IGNORECASE),
        "I can't calculate with budgets; “List projects” shows each project's.",
    ),
    (
        re.compile(r"\b(?:blocked|blocking|blockers?|dependenc(?:y|ies))\b", re.IGNORECASE),
        "The tracker does not say what is blocked: tasks are todo, in progress, in review or done.",
    ),
    (
        re.compile(r"\b(?:hours|effort|estimates?|velocity)\b", re.IGNORECASE),
        "I can't add up hours; “What is task 42?” shows one task's estimate.",
    ),
]


def why_beyond(text: str) -> str | None:
    """Why a question that was not understood has no answer here; None when that is not known either."""
    return next((reason for pattern, reason in _REASONS if pattern.search(text)), None)
