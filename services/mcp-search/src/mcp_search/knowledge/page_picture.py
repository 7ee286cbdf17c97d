"""A picture of a page of a PDF with a passage marked on it, for the panel that shows a citation."""

import orjson

from mcp_search.knowledge.parsing import frames
from mcp_search.knowledge.parsing.limits import Limits
from mcp_search.knowledge.parsing.process import answer_of
from mcp_search.knowledge.parsing.task import Picture, Task, Wanted

WIDTH_PX = 1_000
LIMITS = Limits(cpu_s=15)


async def page_picture(
    pdf: bytes,
    page: int,
    span_in_page_text: tuple[int, int] = (0, 0),
    *,
    width_px: int = WIDTH_PX,
    limits: Limits = LIMITS,
) -> Picture:
    """The page (from 1) as a PNG, at most 8 million pixels, drawn in a process of its own.

    The span counts characters from where the page begins in the document's text: `passage.start - page.start`. The
    page is read again in the same way as when it was taken in, so the characters are the same ones; what of the span is
    beyond the page is not marked.

    Raises:
        UnsupportedType, UnreadableDocument, TooMuch: as `parse`.
    """
    start, end = (max(0, place) for place in span_in_page_text)
    wanted = Wanted(max(1, page), start, end, max(100, min(width_px, 4_000)))
    answer = await answer_of(pdf, Task(limits, wanted=wanted))
    bodies = dict(answer)
    return Picture(bodies[frames.IMAGE], orjson.loads(bodies[frames.MARK]))
