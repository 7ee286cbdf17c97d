"""`/api/users`: one's own account, and the people of the organisation for those who administer it."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field, StrictBool

from frontend.accounts.email_address import MAX_NAME_CHARACTERS, problem_with_name
from frontend.accounts.queries import Person
from frontend.accounts.roles import Role
from frontend.api_sessions.queries import set_tenant
from frontend.bearer import bearer, has_bearer
from frontend.json_api import Answer, Body, Id, Line, ListPage, PageQuery, operation
from frontend.parts import parts
from frontend.people import acts, queries
from frontend.people.answers import Me, UserAnswer, me_of, user_answer
from frontend.people.letters import deliver_reset
from frontend.rights import ADMINS, ANY_KEY, SIGNED_IN, Routes, Rule, open_to
from frontend.sign_in.sessions import required_person, switch_tenant
from frontend.tenants import acts as tenant_acts
from frontend.tenants.queries import get_member, list_members
from shared.errors import InvalidInput

READ = Rule(roles=ADMINS.roles, scope="people:read")
WRITE = Rule(roles=ADMINS.roles, scope="people:write")
TAG = "People"

routes = Routes("people_api", rule=ADMINS, url_prefix="/api/users")


class ChangeOfMe(Body):
    """What one can change oneself. What is left out stays."""

    name: Annotated[Line, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)] | None = None
    tenant_id: Id | None = None
    """Another of one's organisations: this sign-in is in it from now on."""


class ChangeOfUser(Body):
    """What an administrator can change. What is left out stays."""

    role: Role | None = None
    is_disabled: StrictBool | None = None


class UserQuery(PageQuery):
    """Which people."""

    q: Line = ""
    """A part of the name or of the address."""


class SignInReset(Answer):
    """How the person gets in again."""

    mailed_to: str | None
    """None: mail is not set up here."""
    link: str | None
    """Signs in once; only where it could not be mailed."""


@routes.get("/me")
@open_to(ANY_KEY)
@operation("Who calls", TAG, answer=Me)
def read_me() -> Me:
    return me_of(required_person())


@routes.patch("/me")
@open_to(SIGNED_IN)
@operation("Change one's name, or be in another organisation", TAG, body=ChangeOfMe, answer=Me)
def change_me(body: ChangeOfMe) -> Me:
    person = required_person()
    if body.name is not None:
        person = _renamed(person, body.name)
    if body.tenant_id is not None:
        person = tenant_acts.switch(person, body.tenant_id)
        _stay_in(person)
    return me_of(person)


@routes.get("")
@open_to(READ)
@operation(
    "The people of the organisation, by name", TAG, query=UserQuery, answer=ListPage[UserAnswer]
)
def list_users(query: UserQuery) -> ListPage[UserAnswer]:
    with parts().database.transaction() as session:
        found, total = list_members(
            session,
            required_person().tenant_id,
            words=query.q,
            limit=query.limit,
            offset=query.offset,
        )
    users = [user_answer(member) for member in found]
    return ListPage[UserAnswer](items=users, page=query.page, limit=query.limit, total=total)


@routes.get("/<hex:person_id>")
@open_to(READ)
@operation("One of them", TAG, answer=UserAnswer)
def read_user(person_id: str) -> UserAnswer:
    with parts().database.transaction() as session:
        return user_answer(get_member(session, required_person().tenant_id, person_id))


@routes.patch("/<hex:person_id>")
@open_to(WRITE)
@operation("Change a role, disable or enable", TAG, body=ChangeOfUser, answer=UserAnswer)
def change_user(person_id: str, body: ChangeOfUser) -> UserAnswer:
    actor = required_person()
    if body.role is not None:
        tenant_acts.change_role(actor, person_id, body.role)
    if body.is_disabled is not None:
        act = acts.disable if body.is_disabled else acts.enable
        act(actor, person_id)
    return read_user_of(actor, person_id)


@routes.delete("/<hex:person_id>")
@open_to(WRITE)
@operation("Remove somebody from the organisation; the account stays theirs", TAG)
def remove_user(person_id: str) -> None:
    tenant_acts.remove(required_person(), person_id)


@routes.post("/<hex:person_id>/sign-in-reset")
@open_to(WRITE)
@operation("End all sign-ins and send a link for a new one", TAG, answer=SignInReset)
def reset_user(person_id: str) -> SignInReset:
    mailed_to, link = deliver_reset(acts.reset_sign_in(required_person(), person_id))
    return SignInReset(mailed_to=mailed_to, link=link)


def read_user_of(actor: Person, person_id: str) -> UserAnswer:
    with parts().database.transaction() as session:
        return user_answer(get_member(session, actor.tenant_id, person_id))


def _renamed(person: Person, name: str) -> Person:
    name = " ".join(name.split())
    if problem := problem_with_name(name):
        raise InvalidInput(problem)
    with parts().database.transaction() as session:
        queries.set_name(session, person.person_id, name)
    return replace(person, name=name)


def _stay_in(person: Person) -> None:
    api_session_id = bearer().api_session_id if has_bearer() else None
    if api_session_id is None:
        switch_tenant(person)
        return
    with parts().database.transaction() as session:
        set_tenant(session, api_session_id, person.tenant_id)
