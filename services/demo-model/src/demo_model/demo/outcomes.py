"""What is said of a call that changed something, or that was not done. Nothing is called done that was not."""

from demo_model.demo.results import CallResult
from demo_model.demo.tables import plain


def done(result: CallResult) -> str:
    """What the tool says it did, which need not be what was asked: a person may have edited it."""
    summary = plain(result.result.get("summary") or f"The change to {_what(result)} is done.")
    edited = result.told.get("changed_by_person_before_approving")
    parts = [
        summary,
        "It had been done before; nothing was done twice." if result.result.get("repeated") else "",
        "That is with what you changed before you said yes." if edited else "",
    ]
    return " ".join(filter(None, parts))


def not_done(result: CallResult) -> str:
    """Why there is no result, by the status the host gives."""
    match result.status:
        case "rejected":
            return _rejected(result)
        case "expired":
            return f"Nobody answered in time, so nothing was done with {_what(result)}. Ask again if you still want it."
        case "outcome_unknown":
            return (
                f"I don't know whether the change to {_what(result)} was done: the answer was lost. "
                "Please check before repeating it."
            )
        case "cancelled":
            return "That was stopped before it was done."
        case "refused":
            return f"That is not allowed here: {_reason(result)}"
        case "pending":
            return f"The call about {_what(result)} has not ended yet."
        case "too_long":
            return "That worked, but the result is too long for me to read. Ask for less."
        case "failed":
            return f"That did not work: {_reason(result)}"
        case _:
            return f"I can't tell what became of {_what(result)}: {_reason(result)}"


def _rejected(result: CallResult) -> str:
    note = result.told.get("note_from_person")
    heard = f" You said: “{plain(note)}”." if note else ""
    if result.tool == "add_comment":
        task = result.arguments.get("task_id")
        return f"All right, I added no comment to task {plain(task)}.{heard}"
    return f"All right, I left {_what(result)} as it is.{heard}"


def _reason(result: CallResult) -> str:
    hint = str(result.told.get("hint") or "").strip()
    return " ".join(
        filter(None, [plain(result.message or "no reason was given."), plain(hint) if hint else ""])
    )


def _what(result: CallResult) -> str:
    task = result.arguments.get("task_id")
    return f"task {plain(task)}" if task is not None else "it"
