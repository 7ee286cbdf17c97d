"""The page of one's organisation, switching between them, and for who runs the installation: all of them."""

from flask import redirect, render_template
from flask.typing import ResponseReturnValue

from frontend.accounts.roles import Role
from frontend.page_forms import (
    PAGE_ROWS,
    done,
    number_field,
    page_asked,
    role_field,
    text_field,
)
from frontend.parts import parts
from frontend.rights import ADMINS, ANY_ACCOUNT, OWNERS, SIGNED_IN, Routes, open_to
from frontend.sign_in.sessions import required_person, switch_tenant
from frontend.tenants import acts, queries
from frontend.tenants.api import wish_of
from frontend.tenants.invitations import (
    MAX_LIFETIME_DAYS,
    MAX_USES,
    NewInvitation,
    list_invitations,
)
from frontend.tenants.letters import deliver_invitation
from frontend.tenants.rules import GRACE, manageable_by
from shared.errors import Conflict, InvalidInput, NotAllowed, NotFound, TooManyRequests

PAGE = "/organisation"
ALL = "/admin/organisations"

routes = Routes("tenants", rule=SIGNED_IN)


@routes.get(PAGE)
def organisation() -> ResponseReturnValue:
    return _page()


@routes.post("/organisation/name")
@open_to(ADMINS)
def rename() -> ResponseReturnValue:
    name = text_field("name")
    return done(PAGE, lambda: acts.rename_tenant(required_person(), name), "The name was changed.")


@routes.post("/organisation/invitations")
@open_to(ADMINS)
def invite() -> ResponseReturnValue:
    """Answers with the page itself and no redirect: the link is shown there, and kept nowhere."""
    actor = required_person()
    try:
        parts().invitation_limit.take(actor.tenant_id)
        wish = wish_of(
            role_field(),
            number_field("uses", at_least=1, at_most=MAX_USES, words=f"1 to {MAX_USES} people."),
            number_field(
                "days",
                at_least=1,
                at_most=MAX_LIFETIME_DAYS,
                words=f"1 to {MAX_LIFETIME_DAYS} days.",
            ),
            text_field("email"),
        )
        made = acts.invite(actor, wish)
    except (InvalidInput, NotAllowed, Conflict, TooManyRequests) as error:
        return _page(problem=error.message), error.status
    mailed_to, link = deliver_invitation(actor, wish, made)
    return _page(made=made, link=link, mailed_to=mailed_to, bound_to=wish.email), 201


@routes.post("/organisation/invitations/<hex:invitation_id>/withdrawal")
@open_to(ADMINS)
def withdraw(invitation_id: str) -> ResponseReturnValue:
    actor = required_person()
    return done(
        PAGE, lambda: acts.withdraw_invitation(actor, invitation_id), "The invitation is void."
    )


@routes.post("/organisation/leave")
def leave() -> ResponseReturnValue:
    return done(PAGE, lambda: switch_tenant(acts.leave(required_person())), "You have left.")


@routes.post("/organisation/owner")
@open_to(OWNERS)
def transfer() -> ResponseReturnValue:
    heir = text_field("person_id")

    def act() -> None:
        try:
            acts.transfer(required_person(), heir)
        except NotFound:
            raise InvalidInput("Choose who shall own the organisation.") from None

    return done(PAGE, act, "The organisation has a new owner. You are an admin now.")


@routes.post("/organisation/deletion")
@open_to(OWNERS)
def ask_deletion() -> ResponseReturnValue:
    """The name is typed to make sure that it is this one."""
    typed = text_field("name")

    def act() -> None:
        actor = required_person()
        with parts().database.transaction() as session:
            tenant = queries.get_tenant(session, actor.tenant_id)
        if typed != tenant.name:
            raise InvalidInput("Type the organisation's name as it is written above.")
        acts.ask_deletion(actor)

    return done(PAGE, act, f"The organisation is closed. It is deleted in {GRACE.days} days.")


@routes.post("/organisation/deletion/withdrawal")
@open_to(OWNERS)
def take_deletion_back() -> ResponseReturnValue:
    actor = required_person()
    return done(PAGE, lambda: acts.take_deletion_back(actor), "The organisation stays.")


@routes.post("/organisation/switch")
@open_to(ANY_ACCOUNT)
def switch() -> ResponseReturnValue:
    """To another of one's organisations, for all pages of this session."""
    switch_tenant(acts.switch(required_person(), text_field("tenant_id")))
    return redirect("/", 303)


@routes.post("/organisations")
def create() -> ResponseReturnValue:
    def act() -> None:
        actor = required_person()
        tenant = acts.create_tenant(actor, text_field("name"))
        switch_tenant(acts.switch(actor, tenant.tenant_id))

    return done(PAGE, act, "The organisation is ready, and you are in it.")


@routes.get(ALL)
@open_to(OWNERS)
def all_organisations() -> ResponseReturnValue:
    _require_operator()
    page = page_asked()
    with parts().database.transaction() as session:
        tenants, total = queries.list_tenants(
            session, limit=PAGE_ROWS, offset=(page - 1) * PAGE_ROWS
        )
    return render_template(
        "organisations.html",
        person=required_person(),
        tenants=tenants,
        total=total,
        page=page,
        page_rows=PAGE_ROWS,
    )


@routes.post("/admin/organisations/<hex:tenant_id>/tier")
@open_to(OWNERS)
def set_tier(tenant_id: str) -> ResponseReturnValue:
    actor, tier = required_person(), text_field("tier")
    _require_operator()
    return done(ALL, lambda: acts.set_tier(actor, tenant_id, tier), "The tier was changed.")


def _require_operator() -> None:
    """Raises NotFound: the person's organisation is not the installation's own."""
    with parts().database.transaction() as session:
        if not queries.get_tenant(session, required_person().tenant_id).is_first:
            raise NotFound("There is nothing here.")


def _page(
    *,
    problem: str | None = None,
    made: NewInvitation | None = None,
    link: str | None = None,
    mailed_to: str | None = None,
    bound_to: str | None = None,
) -> str:
    person = required_person()
    manages = person.role in ADMINS.roles
    with parts().database.transaction() as session:
        tenant = queries.get_tenant(session, person.tenant_id)
        administrators = queries.list_with_roles(
            session, person.tenant_id, [Role.OWNER, Role.ADMIN]
        )
        heirs = queries.list_with_roles(session, person.tenant_id, list(Role))
        _, members = queries.list_members(session, person.tenant_id, limit=1, offset=0)
        invitations = list_invitations(session, person.tenant_id, parts().now()) if manages else []
    return render_template(
        "organisation.html",
        person=person,
        tenant=tenant,
        members=members,
        administrators=administrators,
        heirs=[heir for heir in heirs if heir.person_id != person.person_id],
        manages=manages,
        owns=person.role is Role.OWNER,
        roles=manageable_by(person.role),
        invitations=invitations,
        may_create=acts.may_create_tenants(person),
        can_mail=parts().mailer.is_ready,
        problem=problem,
        made=made,
        link=link,
        mailed_to=mailed_to,
        bound_to=bound_to,
        grace=GRACE,
    )
