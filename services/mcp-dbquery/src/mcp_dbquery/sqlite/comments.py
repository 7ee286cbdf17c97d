"""Comments in SQL."""


def without_comments(text: str) -> str:
    """The text from its first word on."""
    rest = text.strip(" \t\r\n;")
    while rest.startswith(("--", "/*")):
        end = "\n" if rest.startswith("--") else "*/"
        rest = rest.partition(end)[2].strip(" \t\r\n;")
    return rest
