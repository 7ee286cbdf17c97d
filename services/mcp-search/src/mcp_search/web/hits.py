"""Makes one list of what several providers found: cleaned, each page once, within the domains asked for. Pure."""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from mcp_search.errors import AddressRefused
from mcp_search.web.guard import WEB_PORTS, is_below, parse
from mcp_search.web.providers.port import Hit, Query
from shared.untrusted.characters import clean_line

MAX_TITLE = 300
MAX_SNIPPET = 1_000
_MARKUP = re.compile(r"</?(?:b|strong|em|i|mark|span|br|p)\b[^<>]{0,100}>", re.IGNORECASE)
_TRACKING = re.compile(
    r"utm_\w+|gclid|dclid|fbclid|msclkid|yclid|igshid|mc_[ce]id|_hs(?:enc|mi)", re.IGNORECASE
)


def merged(found: Iterable[Sequence[Hit]], query: Query) -> tuple[Hit, ...]:
    """The hits of the preferred provider first, then what the others add; a page found by both names both."""
    kept: dict[str, Hit] = {}
    for hits in found:
        for hit in map(_cleaned, hits):
            key = _normalised(hit.url)
            if not key or not _is_wanted(hit.url, query):
                continue
            first = kept.get(key)
            if first is None:
                kept[key] = hit
            else:
                engines = tuple(dict.fromkeys((*first.engines, *hit.engines)))
                kept[key] = replace(
                    first, engines=engines, published=first.published or hit.published
                )
    return tuple(kept.values())[: query.max_results]


def _cleaned(hit: Hit) -> Hit:
    return Hit(
        title=_words(hit.title, MAX_TITLE),
        url=hit.url.strip(),
        snippet=_words(hit.snippet, MAX_SNIPPET),
        published=hit.published,
        engines=tuple(clean_line(engine, 40) for engine in hit.engines),
    )


def _words(text: str, max_chars: int) -> str:
    return clean_line(html.unescape(_MARKUP.sub("", text[: 8 * max_chars])), max_chars)


def _normalised(url: str) -> str:
    """The same for addresses that lead to the same page; empty for those that nobody can follow."""
    try:
        target = parse(url)
    except AddressRefused:
        return ""
    parts = urlsplit(target.url)
    pairs = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not _TRACKING.fullmatch(name)
    ]
    host = target.host.removeprefix("www.")
    return f"{host}:{'' if target.port in WEB_PORTS else target.port}{parts.path.rstrip('/')}?{urlencode(pairs)}"


def _is_wanted(url: str, query: Query) -> bool:
    host = parse(url).host
    if any(is_below(host, f"*.{domain}") for domain in query.exclude_domains):
        return False
    return not query.include_domains or any(
        is_below(host, f"*.{domain}") for domain in query.include_domains
    )
