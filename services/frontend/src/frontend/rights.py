"""Who may open a route. Every route says so; one that does not is closed to everybody."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend.accounts.queries import Person
from frontend.accounts.roles import Role
from frontend.sign_in.sessions import signed_in_person
from shared.errors import NotAllowed, NotFound, NotSignedIn

ViewT = TypeVar("ViewT", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Rule:
    """Whom a route answers."""

    is_public: bool = False
    roles: frozenset[Role] = frozenset(Role)
    """One of these in the tenant that the person is in. Of no account when it is public."""
    needs_tenant: bool = True
    """False: also those who belong to none, whatever they once were."""
    scope: str | None = None
    """What an API key needs, too; empty: any key will do. None: no key is let in."""

    def admits(self, person: Person | None) -> bool:
        return self.is_public or (
            person is not None and self._fits_role(person) and self.fits_scopes(person)
        )

    def fits_scopes(self, person: Person) -> bool:
        """A person needs none."""
        return person.scopes is None or self.scope == "" or self.scope in person.scopes

    def _fits_role(self, person: Person) -> bool:
        if not person.roles:
            return not self.needs_tenant
        return not self.roles.isdisjoint(map(Role, person.roles))


ANYBODY = Rule(is_public=True)
SIGNED_IN = Rule()
ANY_ACCOUNT = Rule(needs_tenant=False)
ANY_KEY = Rule(scope="")
CHAT = Rule(scope="chat")
ADMINS = Rule(roles=frozenset({Role.OWNER, Role.ADMIN}))
OWNERS = Rule(roles=frozenset({Role.OWNER}))


class Routes(Blueprint):
    """A feature's routes, all under one rule but for those with a rule of their own."""

    def __init__(
        self, name: str, *, rule: Rule | None = None, url_prefix: str | None = None
    ) -> None:
        super().__init__(name, __name__, url_prefix=url_prefix)
        self.rule = rule


def open_to(rule: Rule) -> Callable[[ViewT], ViewT]:
    """Decorates a view, below the line that says its path."""

    def mark(view: ViewT) -> ViewT:
        view.__dict__["rule"] = rule
        return view

    return mark


def rule_of(app: Flask, endpoint: str) -> Rule | None:
    """The rule of a view, else of its feature; None: there is neither."""
    if endpoint == "static":
        return ANYBODY
    own: Rule | None = app.view_functions[endpoint].__dict__.get("rule")
    feature = app.blueprints.get(endpoint.rpartition(".")[0])
    return own or (feature.rule if isinstance(feature, Routes) else None)


def install(app: Flask) -> None:
    """Hold every request against its route's rule before anything else looks at it."""

    @app.before_request
    def check() -> ResponseReturnValue | None:
        if request.endpoint is None:
            return None  # answered with 404 or 405
        rule = rule_of(app, request.endpoint)
        if rule is None:
            raise NotFound("There is nothing here.")
        if rule.is_public:
            return None
        person = signed_in_person()
        if person is None:
            return _sent_to_sign_in()
        if not rule.admits(person):
            if not person.roles and not request.path.startswith("/api/"):
                return render_template("no_tenant.html", person=person), 403
            raise NotAllowed(_in_words(rule, person))
        return None

    del check  # registered by its decorator


def _sent_to_sign_in() -> ResponseReturnValue:
    if request.path.startswith("/api/"):
        raise NotSignedIn("You are signed out. Sign in again.")
    path = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return redirect(url_for("sign_in.sign_in", next=path))


def _in_words(rule: Rule, person: Person) -> str:
    if not person.roles:
        return "You belong to no organisation. Ask somebody to invite you."
    if not rule.fits_scopes(person):
        needed = f"a key with the scope {rule.scope}" if rule.scope else "somebody who signs in"
        return f"This key cannot do this. It needs {needed}."
    names = [role.value for role in Role if role in rule.roles]
    return f"Only people with the role {' or '.join(names)} can do this. Ask one of them."
