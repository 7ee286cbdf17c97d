"""The menu of a page's head: who one is, in which organisation, and the pages that one's role opens."""

from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, request
from werkzeug.exceptions import HTTPException

from frontend.accounts.queries import Person
from frontend.page_forms import page_address
from frontend.parts import parts
from frontend.rights import rule_of
from frontend.tenants.queries import Membership, list_memberships


@dataclass(frozen=True, slots=True)
class Entry:
    """A page."""

    path: str
    words: str
    icon: str


PAGES = (
    Entry("/account", "Account", "person"),
    Entry("/connections", "Connections", "link"),
    Entry("/agents", "Connected agents", "spark"),
    Entry("/organisation", "Organisation", "building"),
    Entry("/admin/people", "People", "people"),
    Entry("/admin/keys", "API keys", "key"),
    Entry("/admin/agents", "Agents set up", "spark"),
    Entry("/admin/security", "Security events", "shield"),
    Entry("/admin/organisations", "All organisations", "building"),
)


@dataclass(frozen=True, slots=True)
class Menu:
    """What it shows."""

    memberships: list[Membership]
    pages: list[Entry]
    current: Membership | None


def install(app: Flask) -> None:
    """Let templates ask for it: `menu(person)`, and for addresses of a list's other parts."""

    @app.context_processor
    def add_menu() -> dict[str, Any]:
        return {"menu": menu_of, "page_address": page_address}

    del add_menu  # registered by its decorator


def menu_of(person: Person) -> Menu:
    with parts().database.transaction() as session:
        memberships = list_memberships(session, person.person_id)
    current = next((one for one in memberships if one.tenant.tenant_id == person.tenant_id), None)
    is_operator = current is not None and current.tenant.is_first
    pages = [
        entry
        for entry in PAGES
        if _is_open(entry, person) and (is_operator or entry.path != "/admin/organisations")
    ]
    return Menu(memberships, pages, current)


def _is_open(entry: Entry, person: Person) -> bool:
    """Whether there is such a page, and its rule admits the person."""
    try:
        endpoint, _ = current_app.url_map.bind_to_environ(request.environ).match(entry.path, "GET")
    except HTTPException:
        return False
    rule = rule_of(current_app, endpoint)
    return rule is not None and rule.admits(person)
