"""Mails with blanks: `{{name}}` is replaced by a value, once, and nothing else happens.

A folder holds one TOML file per template, with `subject`, `body`, and optionally `html` and `description`. What a
value contains is never read as a template, and HTML shows it as text.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from mcp_email.errors import BadContent
from mcp_email.header_text import body_text, header_text
from shared.config_file import Strict, load
from shared.errors import BadSetup

MAX_VALUE = 10_000

_BLANK = re.compile(r"\{\{\s*([a-z][a-z0-9_]{0,40})\s*\}\}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,60}")


class _File(Strict):
    subject: str
    body: str
    html: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template with its blanks filled."""

    subject: str
    body: str
    html: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A mail with blanks."""

    name: str
    description: str
    subject: str
    body: str
    html: str | None

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of its blanks, sorted."""
        return tuple(sorted(set(_BLANK.findall(f"{self.subject}\n{self.body}\n{self.html or ''}"))))

    def render(self, variables: Mapping[str, str]) -> Rendered:
        """Fill every blank.

        Raises:
            BadContent: naming variables that are missing, or not of this template, or a value that may not stand there.
        """
        self._check_names(variables)
        for name, value in variables.items():
            if len(value) > MAX_VALUE:
                raise BadContent(f"{name} is longer than {MAX_VALUE} characters.", field=name)
            body_text(value, name)
        in_subject = {name: variables[name] for name in _BLANK.findall(self.subject)}
        for name, value in in_subject.items():
            header_text(value, name)
        return Rendered(
            header_text(_filled(self.subject, variables, str), "subject"),
            _filled(self.body, variables, str),
            _filled(self.html, variables, escape) if self.html is not None else None,
        )

    def _check_names(self, variables: Mapping[str, str]) -> None:
        missing = sorted(set(self.variables) - set(variables))
        unknown = sorted(set(variables) - set(self.variables))
        if missing or unknown:
            problems = [
                f"{what}: {', '.join(names)}"
                for what, names in (("missing", missing), ("not in this template", unknown))
                if names
            ]
            raise BadContent(
                f"The variables of {self.name} do not fit; {'; '.join(problems)}.",
                hint=f"It has: {', '.join(self.variables) or 'none'}.",
                field="variables",
                missing=missing,
                unknown=unknown,
            )


def load_templates(folder: Path) -> dict[str, Template]:
    """All templates of the folder by their files' names, sorted. Raises BadSetup naming the file and the mistake."""
    if not folder.is_dir():
        raise BadSetup(f"The folder of templates {folder} is not there.")
    return {path.stem: _load(path) for path in sorted(folder.glob("*.toml"))}


def _load(path: Path) -> Template:
    if not _NAME.fullmatch(path.stem):
        raise BadSetup(f"{path}: a template's name is lower case letters, digits, - and _.")
    file = load(path, _File, paths=())
    template = Template(path.stem, file.description, file.subject, file.body, file.html)
    for field, text in (("subject", file.subject), ("body", file.body), ("html", file.html or "")):
        rest = _BLANK.sub("", text)
        if "{{" in rest or "}}" in rest:
            raise BadSetup(f"{path}, {field}: a blank is written {{{{name}}}}, in lower case.")
    try:
        template.render(dict.fromkeys(template.variables, "x"))
    except BadContent as error:
        raise BadSetup(f"{path}: {error}") from None
    return template


def _filled(text: str, values: Mapping[str, str], written: Callable[[str], str]) -> str:
    return _BLANK.sub(lambda blank: written(values[blank[1]]), text)
