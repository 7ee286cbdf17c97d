"""Whatever is uploaded ends with a reason that a person understands, in bounded time and memory; we stay up."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import documents as made
from support.documents import Text, docx, lines, paragraph, pdf, zipped

from mcp_search.errors import TooMuch, UnreadableDocument, UnsupportedType
from mcp_search.knowledge.parsing import worker
from mcp_search.knowledge.parsing.kinds import hint_of
from mcp_search.knowledge.parsing.limits import MB, Limits
from mcp_search.knowledge.parsing.process import parse
from mcp_search.knowledge.parsing.trouble import NoText
from shared.mcp_server import Problem

FIVE_S = 5.0
SLOW = b"a,b\n" + b'"x,1\n' * 6_000_000
"""A row whose quotes are broken takes time."""
_DEEP = "<w:tbl><w:tr><w:tc>" * 500 + paragraph("x") + "</w:tc></w:tr></w:tbl>" * 500

BAD: dict[str, tuple[Callable[[], bytes], str, type[Problem], str]] = {
    "nothing": (lambda: b"", "x.txt", UnreadableDocument, "empty"),
    "only spaces": (lambda: b" \n" * 50, "x.txt", UnreadableDocument, "empty"),
    "only unseen": (lambda: "\u200b\u202e".encode() * 9, "x.md", UnreadableDocument, "empty"),
    "an encrypted PDF": (made.encrypted_pdf, "x.pdf", UnreadableDocument, "encrypted"),
    "a PDF cut off": (lambda: pdf(lines("Hello"))[:300], "x.pdf", UnreadableDocument, "damaged"),
    "a PDF in name only": (lambda: b"%PDF-1.7\nnot really", "x.pdf", UnreadableDocument, "damaged"),
    "a PDF without pages": (pdf, "x.pdf", UnreadableDocument, "no_pages"),
    "a PDF of pictures": (lambda: pdf([], [], picture=True), "x.pdf", UnreadableDocument, "only_pictures"),
    "a PDF with hidden text only": (
        lambda: pdf([Text("unseen", 500, colour="1 1 1")]), "x.pdf", UnreadableDocument, "only_pictures",
    ),
    "a PDF of empty pages": (lambda: pdf([], []), "x.pdf", UnreadableDocument, "empty"),
    "a PDF of 2,001 pages": (lambda: pdf(*([()] * 2_001)), "x.pdf", TooMuch, "pages"),
    "a DOCX cut off": (lambda: docx(paragraph("Hello"))[:-200], "x.docx", UnreadableDocument, "damaged"),
    "a DOCX without text": (lambda: docx(""), "x.docx", UnreadableDocument, "empty"),
    "a DOCX whose XML is broken": (lambda: docx("<w:p>"), "x.docx", UnreadableDocument, "damaged"),
    "a DOCX nested deep": (lambda: docx(_DEEP), "x.docx", UnreadableDocument, "too_complex"),
    "a zip bomb": (lambda: made.zip_bomb(60 * MB), "x.docx", UnreadableDocument, "bomb"),
    "a zip bomb beside other things": (
        lambda: docx(paragraph(" " * 60 * MB), parts={"word/media/a": random.Random(1).randbytes(MB).hex()}),
        "x.docx", UnreadableDocument, "bomb",
    ),
    "a document type": (
        lambda: docx(paragraph("x"), doctype="<!DOCTYPE a [<!ELEMENT a ANY>]>"), "x.docx", UnreadableDocument, "bomb",
    ),
    "a zip bomb that lies": (lambda: made.lying_zip_bomb(60 * MB), "x.docx", UnreadableDocument, "damaged"),
    "a zip of 20,000 entries": (
        lambda: zipped({"word/document.xml": b"", **{f"word/{n}": b"" for n in range(20_000)}}),
        "x.docx", UnreadableDocument, "bomb",
    ),
    "a billion laughs": (
        lambda: docx(paragraph("&i;"), doctype=made.BILLION_LAUGHS), "x.docx", UnreadableDocument, "bomb",
    ),
    "an entity that reads files": (
        lambda: docx(paragraph("&x;"), doctype='<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'),
        "x.docx", UnreadableDocument, "bomb",
    ),
    "an encrypted DOCX": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500 + "EncryptedPackage".encode("utf-16-le"),
        "x.docx", UnreadableDocument, "encrypted",
    ),
    "an old DOC": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500,
        "x.doc", UnsupportedType, "application/x-ole-storage",
    ),
    "a workbook": (
        lambda: zipped({"xl/workbook.xml": b"<a/>"}), "x.docx", UnsupportedType,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    "a zip": (lambda: zipped({"a.txt": b"a"}), "x.zip", UnsupportedType, "application/zip"),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "x.pdf", UnsupportedType, "image/png"),
    "a program": (lambda: b"\x7fELF" + b"\0" * 50, "x.txt", UnsupportedType, "application/x-executable"),
    "XML": (lambda: b"<?xml version='1.0'?><a/>", "x.html", UnsupportedType, "application/xml"),
    "noise": (lambda: random.Random(1).randbytes(5_000), "x.txt", UnsupportedType, "application/octet-stream"),
    "HTML nested deep": (lambda: b"<div>" * 200_000, "x.html", UnreadableDocument, "too_complex"),
    "51 MB": (lambda: b"x" * (51 * MB), "x.txt", TooMuch, "bytes"),
    "half a million paragraphs and more": (lambda: b"a\n\n" * 500_001, "x.txt", TooMuch, "parts"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_file_ends_with_its_reason(case: str) -> None:
    make, name, kind, said = BAD[case]
    with pytest.raises(kind) as caught:
        await parse(make(), name)
    details = caught.value.details
    assert said in {details.get("reason"), details.get("limit"), details.get("media_type")}
    assert caught.value.message.endswith(".")
    assert "Traceback" not in str(caught.value)


async def test_broken_quotes_cost_a_warning_and_no_row() -> None:
    parsed = await parse(b'a,b\n1,"x\n2,y\n3,"z" z\n4,5,6\n', "x.csv")
    rows = parsed.text.split("\n")[2:]
    assert len(rows) == 4
    assert all(str(number) in row for number, row in enumerate(rows, start=1))
    assert parsed.warnings == (
        "Quotes are broken in 2 lines, which were read as they stand: 2, 4.",
        "1 rows have more or fewer cells than the header.",
    )


async def test_a_page_that_is_broken_costs_that_page_only() -> None:
    content = pdf(lines("One"), lines("Two")).replace(
        b"/Type /Page /Parent", b"/Type /Pxge /Parent", 1
    )
    parsed = await parse(content, "x.pdf")
    assert "Two" in parsed.text


async def test_text_in_the_wrong_charset_is_read_with_a_warning() -> None:
    parsed = await parse(b"Gr\xc3\xbc\xc3\x9fe " * 50 + b"\xff\xfe", "x.txt")
    assert parsed.text.startswith("Grüße ")
    assert "could not be read" in parsed.warnings[0]


async def test_reading_that_takes_too_long_is_ended() -> None:
    with pytest.raises(TooMuch) as caught:
        await parse(SLOW, "x.csv", Limits(cpu_s=1))
    assert caught.value.details == {"limit": "seconds", "value": 1}


async def test_reading_that_takes_too_much_memory_is_ended() -> None:
    with pytest.raises(TooMuch) as caught:
        await parse(b"a b\n\n" * (4 * MB), "x.txt", Limits(memory_bytes=160 * MB))
    assert caught.value.details == {"limit": "memory", "value": 160 * MB}


async def test_more_text_than_allowed_is_refused() -> None:
    with pytest.raises(TooMuch) as caught:
        await parse(b"x" * 2_000, "x.txt", Limits(characters=1_000))
    assert caught.value.details == {"limit": "characters", "value": 1_000}


async def test_cancelling_ends_the_process(tmp_path: Path) -> None:
    path = tmp_path / "slow.csv"
    path.write_bytes(SLOW)
    before = children()
    task = asyncio.create_task(parse(path, "slow.csv"))
    started = await new_children(before)
    task.cancel()
    await asyncio.wait({task}, timeout=FIVE_S)  # reading it all takes longer
    assert task.cancelled()
    assert not started & children()


async def test_a_reader_that_dies_is_a_reason() -> None:
    before = children()
    task = asyncio.create_task(parse(SLOW, "slow.csv"))
    for pid in await new_children(before):
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(UnreadableDocument) as caught:
        await task
    assert caught.value.details == {"reason": "stopped"}


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.socket()",
        "socket.socketpair()",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid(), 0)",
        "os.fork()",
        "open('/tmp/steward-should-not-be-here', 'wb').write(b'x' * 100_000)",
        "bytearray(300 * 1024 * 1024)",
        "[open('/dev/null') for _ in range(100)]",
    ],
)
async def test_the_reader_may_not(attempt: str) -> None:
    program = (
        "import os, signal, socket, sys; from mcp_search.knowledge.parsing import confinement, limits\n"
        "confinement.confine(limits.Limits(memory_bytes=256 * 1024 * 1024))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"try:\n    x = {attempt}\n"
        "except (OSError, MemoryError):\n    os._exit(42)\n"
        "os._exit(0)"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", program, cwd="/", env={"LC_ALL": "C.UTF-8"}
    )
    if "fork" in attempt and os.geteuid() == 0:
        assert await process.wait() in {
            0,
            42,
        }  # the kernel lets root have as many processes as it likes
        return
    assert await process.wait() == 42


_LOOK = '<w:vanish/><w:sz w:val="3"/><w:color w:val="FFFFFF"/>'
_WORDS = (
    f"<w:document {made.NAMESPACES}><w:body>{paragraph('A', style='berschrift1')}{made.table(['a', 'b'], ['1', '2'])}"
    f"{paragraph('x', properties='<w:numPr/>', run=_LOOK)}"
    "<w:p><w:del><w:r><w:delText>d</w:delText></w:r></w:del><w:pPr><w:outlineLvl w:val='2'/></w:pPr></w:p>"
    "</w:body></w:document>"
)
SAMPLES: dict[str, bytes] = {
    "x.docx": docx(
        paragraph("Hello", style="berschrift1") + made.table(["a", "b"], ["1", "2"]), title="T"
    ),
    "x.xml": _WORDS.encode(),
    "x.html": b"<title>T</title><h1>A</h1><p style='color:red'>b<ul><li>c<table><tr><td>1<td>2</table></ul><pre>x",
    "x.md": b"---\ntitle: x\n---\n# A\n\n- b\n  c\n\n|a|b|\n|-|-|\n|1|2|\n```\ncode\n```\nA\n===\n",
    "x.csv": b'a,b;c\n"1","2\n3"\n4,5\n',
    "x.txt": "Grüße\n\n\u202eHello\u200b\tworld\x0cmore".encode(),
}


@st.composite
def mutated(draw: st.DrawFn, sample: bytes) -> bytes:
    """The sample with some octets replaced, left out or said twice."""
    octets = bytearray(sample)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(0, len(octets) - 1)))
        length = draw(st.integers(0, 8))
        octets[place : place + length] = draw(
            st.one_of(st.binary(max_size=8), st.just(bytes(octets[place : place + 4 * length])))
        )
    return bytes(octets)


@pytest.mark.parametrize("name", SAMPLES)
@given(data=st.data())
@settings(max_examples=100, derandomize=True, deadline=None, database=None)
def test_a_mutated_file_is_read_or_refused(name: str, data: st.DataObject) -> None:
    content = data.draw(mutated(SAMPLES[name]))
    if name == "x.xml":
        content = docx("", parts={"word/document.xml": content.decode("utf-8", "replace")})
    try:
        parsed = worker.read(content, hint_of(name), Limits())
    except NoText:
        return
    assert parsed.text == "\n\n".join(
        parsed.text[block.start : block.end] for block in parsed.blocks
    )


async def test_mutated_pdfs_are_read_or_refused() -> None:
    sample = pdf(
        lines("Hello", "world"), [Text("x", 500, mode=3)], bookmarks=[("A", 1)], picture=True
    )
    chance = random.Random(6)
    for _ in range(25):
        octets = bytearray(sample)
        for _ in range(chance.randint(1, 20)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        with contextlib.suppress(Problem):
            assert (await parse(bytes(octets), "x.pdf")).text


async def new_children(before: set[int]) -> set[int]:
    """Those that were started since, once there are any and they have begun to read."""
    async with asyncio.timeout(FIVE_S):
        while True:
            found = children() - before
            if found and all(memory_of(pid) > 4 * len(SLOW) for pid in found):
                return found
            await asyncio.sleep(0)


def memory_of(pid: int) -> int:
    """What a process holds, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def children() -> set[int]:
    """The processes that this one has started."""
    listed = Path("/proc/self/task").glob("*/children")
    return {int(pid) for path in listed for pid in path.read_text().split()}


async def test_what_stands_before_html_is_read_in_one_go() -> None:
    """An expression that tries each way to divide 8,000 comments never ends, also where files are named by kind."""
    limits = Limits(cpu_s=5)
    assert (await parse(b"<!--x-->" * 8_000, "x.txt", limits)).media_type == "text/plain"
    page = await parse(b"\n" * 60 + b"<!-- a --> <!-- b --><p>Hello</p>", "x.txt", limits)
    assert (page.media_type, page.text) == ("text/html", "Hello")
