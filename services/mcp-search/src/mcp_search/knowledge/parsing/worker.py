"""The process in which one file is read: bounded, without network, with nothing to lose.

Started as `python -m mcp_search.knowledge.parsing.worker TASK` with a task as JSON; the file's octets are its standard
input, frames (frames.py) its standard output. It imports little: its start is part of every reading.
"""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import CodeType, TracebackType
from typing import BinaryIO

import orjson

from mcp_search.knowledge.model import Parsed
from mcp_search.knowledge.parsing import frames
from mcp_search.knowledge.parsing.confinement import confine
from mcp_search.knowledge.parsing.csv_table import read_csv
from mcp_search.knowledge.parsing.docx import read_docx
from mcp_search.knowledge.parsing.html import read_html
from mcp_search.knowledge.parsing.kinds import Kind, kind_of, mismatch
from mcp_search.knowledge.parsing.limits import Limits
from mcp_search.knowledge.parsing.markdown import read_markdown
from mcp_search.knowledge.parsing.pdf import read_pdf
from mcp_search.knowledge.parsing.picture import picture_of
from mcp_search.knowledge.parsing.plain import read_text
from mcp_search.knowledge.parsing.task import OUT_OF_MEMORY, Task, task_of
from mcp_search.knowledge.parsing.trouble import NoText, too_much
from mcp_search.knowledge.parsing.writing import Writer


def main() -> None:
    """Do the task, answer and end."""
    task = task_of(sys.argv[1])
    out = sys.stdout.buffer
    sys.excepthook = partial(_tell_where, out)
    confine(task.limits)
    try:
        _answer(task, sys.stdin.buffer, out)
    except NoText as problem:
        said = {"trouble": problem.trouble, "text": problem.text, "details": problem.details}
        frames.write(out, frames.PROBLEM, orjson.dumps(said))
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)
    frames.write(out, frames.END)
    out.flush()


def _tell_where(
    out: BinaryIO, kind: type[BaseException], _: object, trace: TracebackType | None
) -> None:
    """For our log: where our own code failed on a file. Not the error's words, which may be the file's."""
    steps = [f"{Path(code.co_filename).name}:{line}" for code, line in _steps(trace)]
    where = f"{kind.__name__} at {' '.join(steps[-3:])}"
    frames.write(out, frames.CRASH, where.encode())
    out.flush()


def _steps(trace: TracebackType | None) -> Iterator[tuple[CodeType, int]]:
    while trace is not None:
        yield trace.tb_frame.f_code, trace.tb_lineno
        trace = trace.tb_next


def _answer(task: Task, source: BinaryIO, out: BinaryIO) -> None:
    content = source.read(task.limits.octets + 1)
    if len(content) > task.limits.octets:
        raise too_much("bytes", task.limits.octets, _too_large(task.limits.octets))
    if task.wanted is not None:
        picture = picture_of(content, task.wanted)
        frames.write(out, frames.MARK, orjson.dumps(picture.mark))
        frames.write(out, frames.IMAGE, picture.png)
        return
    frames.write_parsed(out, read(content, task.hint, task.limits))


def _too_large(octets: int) -> str:
    return f"The file is larger than {octets / 1024 / 1024:g} MB."


def read(content: bytes, hint: Kind | None, limits: Limits) -> Parsed:
    """The file as text. Raises NoText."""
    kind = kind_of(content, hint)
    writer = Writer(limits.characters)
    if remark := mismatch(hint, kind):
        writer.warnings.append(remark)
    match kind:
        case "pdf":
            return read_pdf(content, writer, limits.pages)
        case "docx":
            return read_docx(content, writer)
        case "html":
            return read_html(content, writer)
        case "markdown":
            return read_markdown(content, writer)
        case "csv":
            return read_csv(content, writer)
        case "text":
            return read_text(content, writer)


if __name__ == "__main__":
    main()
