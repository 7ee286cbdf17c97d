"""Reads elements of parsed HTML."""

from selectolax.lexbor import LexborNode


def inner_text(node: LexborNode) -> str:
    """All text in an element, seen or not; of a template's, too, which the parser keeps apart."""
    if node.tag == "template":
        return " ".join(
            child.text_content or ""
            for fragment in node.template_fragments()
            for child in fragment.traverse(include_text=True)
            if child.is_text_node
        )
    return node.text(separator=" ")
