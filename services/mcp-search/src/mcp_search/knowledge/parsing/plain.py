"""Blocks of plain text: what stands between empty lines."""

import re

from mcp_search.knowledge.model import Parsed
from mcp_search.knowledge.parsing.charset import text_of
from mcp_search.knowledge.parsing.writing import Writer

_EMPTY_LINES = re.compile(r"\n[ \t]*\n\s*|\f")


def read_text(content: bytes, writer: Writer) -> Parsed:
    """Raises NoText."""
    text, remark = text_of(content)
    if remark:
        writer.warnings.append(remark)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    start = 0
    for gap in _EMPTY_LINES.finditer(text):
        writer.add("text", text[start : gap.start()])
        start = gap.end()
    writer.add("text", text[start:])
    return writer.parsed("text/plain")
