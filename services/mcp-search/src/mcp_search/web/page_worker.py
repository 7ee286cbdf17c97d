"""The process in which foreign pages are read: each in a fork of its own, bounded, without network, gone afterwards.

Started as `python -m mcp_search.web.page_worker FD`. Over the socket FD come descriptors (SCM_RIGHTS); over each of
those one page and its answer (page_wire.py). It forks because loading what reads pages takes a second, and can do so
because it has one thread only.
"""

import os
import re
import signal
import socket
import sys
from typing import NoReturn

from mcp_search.knowledge.parsing.charset import text_of
from mcp_search.knowledge.parsing.confinement import confine
from mcp_search.knowledge.parsing.kinds import kind_of
from mcp_search.knowledge.parsing.limits import Limits
from mcp_search.knowledge.parsing.trouble import NoText
from mcp_search.web.feed import page_of_feed, root_name
from mcp_search.web.page import Extracted, extract, extract_text
from mcp_search.web.page_wire import (
    Answer,
    PageTask,
    packed_answer,
    read_exactly,
    task_length,
    unpacked_task,
)
from shared.untrusted.sheets import TooComplex

LIMITS = Limits(cpu_s=15, memory_bytes=1024 * 1024 * 1024)
WALL_S = 25
_SAMPLE = """<html lang="en"><head><title>Sample</title></head><body><main><h1>Sample</h1><p>Some words.</p>
<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table></main></body></html>"""
_FEED = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:rss|feed|rdf:RDF)\b")
_DECLARED = re.compile(rb"""\s*<\?xml[^>]{0,100}?\bencoding\s*=\s*["']([A-Za-z0-9._-]{2,40})""")
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_AS_ON_THE_WEB = {"iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252",
                  "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932"}  # fmt: skip
"""As the web reads these names (WHATWG Encoding)."""


def main() -> None:
    """Fork for each descriptor until there is nobody left to send one."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    extract(
        _SAMPLE, "https://www.example.com/"
    )  # What is loaded at first use is then there for all.
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        if os.fork() == 0:
            _serve(descriptors[0])
        os.close(descriptors[0])


def _serve(descriptor: int) -> NoReturn:
    """Read one page and end, whatever happens."""
    try:
        signal.alarm(WALL_S)
        confine(LIMITS)
        length = task_length(read_exactly(descriptor, 8))
        _write(descriptor, packed_answer(_answer(*unpacked_task(read_exactly(descriptor, length)))))
    finally:
        os._exit(0)


def _write(descriptor: int, octets: bytes) -> None:
    left = memoryview(octets)
    while left:
        left = left[os.write(descriptor, left) :]


def _answer(task: PageTask, body: bytes) -> Answer:
    try:
        return _read(task, body)
    except TooComplex:
        return Answer("too_complex")
    except MemoryError:
        return Answer("memory")


def _read(task: PageTask, body: bytes) -> Answer:
    try:
        kind = kind_of(body, None)
    except NoText as problem:
        if problem.trouble != "unsupported":
            return Answer("page", Extracted(""), "text/plain")
        media_type = str(problem.details["media_type"])
        if media_type == "application/xml":
            return _xml(task, body)
        return Answer("unsupported", media_type=media_type)
    if kind == "pdf" or kind == "docx":
        return Answer(kind)
    if _FEED.match(body):
        return _xml(task, body)
    if kind == "html" or (task.is_html and b"<" in body):
        page = extract(_decoded(body, task.charset, is_html=True), task.url)
        return Answer("page", page, "text/html")
    return Answer("page", extract_text(_decoded(body, task.charset, is_html=False)), "text/plain")


def _xml(task: PageTask, body: bytes) -> Answer:
    """A feed as a page, pictures not at all, anything else as it stands."""
    declared = _DECLARED.match(body)
    charset = task.charset or (declared[1].decode().lower() if declared else "")
    text = _decoded(body, charset, is_html=False)
    page = page_of_feed(text)
    if page is not None:
        return Answer("page", extract(page, task.url, is_all_text=True), "application/xml")
    if root_name(text) == "svg":
        return Answer("unsupported", media_type="image/svg+xml")
    return Answer("page", extract_text(text), "application/xml")


def _decoded(octets: bytes, charset: str, *, is_html: bool) -> str:
    """By its first octets, else as the server says, else as the page says, else guessed (WHATWG HTML 13.2.3)."""
    if charset and not octets.startswith(tuple(mark for mark, _ in _MARKS)):
        name = _AS_ON_THE_WEB.get(charset, charset)
        try:
            return octets.decode(name, "replace")
        except (LookupError, UnicodeError):
            pass  # No text encoding that is known here; the page itself may say.
    text, _ = text_of(octets, is_html=is_html)
    return text


if __name__ == "__main__":
    main()
