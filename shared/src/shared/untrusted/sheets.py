"""The style of an element as a browser would work it out, as far as it decides whether text is seen. Pure, bounded."""

from selectolax.lexbor import LexborNode, SelectolaxError

from shared.untrusted.css import Declarations, declarations_of, resolved, rules_of
from shared.untrusted.visible import Style

MAX_MATCHES = 6_000_000
"""Selectors times elements."""
_USED = frozenset(
    """
    background background-color background-image bottom clip clip-path color content-visibility
    display filter font font-size height inset left line-height margin margin-left margin-top
    max-height max-width mso-hide opacity overflow overflow-x overflow-y position right text-indent
    top transform visibility white-space width -webkit-clip-path -webkit-filter
    -webkit-text-fill-color -webkit-transform
    """.split()  # noqa: SIM905 - read as lines of words
)
"""The properties that decide whether a text is seen, or how its spaces count."""


class TooComplex(Exception):
    """HTML that cannot be read within bounds, so that nobody can say what of it is seen."""


class Sheets:
    """The style sheets of a page and the elements that their rules are about."""

    def __init__(self, root: LexborNode | None, max_nodes: int) -> None:
        self.root = root
        self._of_node: dict[int, list[tuple[tuple[int, int, int], int, Declarations]]] = {}
        self._variables: dict[str, str] = {}
        if root is None:
            return
        nodes = 0
        for nodes, _ in enumerate(root.traverse(include_text=True), start=1):
            if nodes > max_nodes:
                raise TooComplex
        sheet = "\n".join(node.text() for node in root.css("style"))
        self._match(root, sheet, nodes)

    def _match(self, root: LexborNode, sheet: str, nodes: int) -> None:
        budget = MAX_MATCHES
        for order, rule in enumerate(rules_of(sheet)):
            self._variables |= {
                name: value
                for name, (value, _) in rule.declarations.items()
                if name.startswith("--")
            }
            used = {name: told for name, told in rule.declarations.items() if name in _USED}
            if not used:
                continue
            budget -= nodes * (1 + 10 * rule.selector.count("("))
            if budget < 0 or len(rule.selector) > 1_000:
                raise TooComplex
            try:
                matched = root.css(rule.selector)
            except SelectolaxError:
                continue  # What no browser understands has no effect there either.
            for node in matched:
                self._of_node.setdefault(node.mem_id, []).append((rule.specificity, order, used))

    def style_of(self, node: LexborNode) -> Style:
        """The cascade (CSS Cascade 4 section 6): sheets, then the style attribute, then what is !important."""
        attributes = node.attributes
        weighed: list[tuple[bool, tuple[int, int, int], int, str, str]] = []
        for specificity, order, declarations in self._of_node.get(node.mem_id, ()):
            for name, (value, is_important) in declarations.items():
                weighed.append((is_important, specificity, order, name, value))
        if inline := attributes.get("style"):
            for name, (value, is_important) in declarations_of(inline[:5_000]).items():
                weighed.append((is_important, (9_999, 0, 0), 0, name, value))
        style = _by_attributes(node.tag or "", attributes)
        for _, _, _, name, value in sorted(weighed, key=lambda one: one[:3]):
            if name == "background":
                style.pop("background-color", None)
            style[name] = resolved(value, self._variables)
        return style


def _by_attributes(tag: str, attributes: dict[str, str | None]) -> Style:
    style: Style = {}
    for attribute, name in (("bgcolor", "background-color"), ("color", "color"), ("text", "color")):
        if told := attributes.get(attribute):
            told = told.strip().lower()
            is_bare = len(told) in {3, 6} and all(c in "0123456789abcdef" for c in told)
            style[name] = f"#{told}" if is_bare else told
    if tag == "a" and "href" in attributes:
        style["color"] = "blue"  # Links have a colour of their own unless one is set.
    if tag == "mark":
        style |= {"background-color": "yellow", "color": "black"}
    return style
