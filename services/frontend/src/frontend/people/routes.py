"""The pages of people administration: the list, one of them, and the organisation's security events."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend.accounts.security_events import SecurityEvent
from frontend.page_forms import PAGE_ROWS, done, page_asked, role_field, text_field, words_asked
from frontend.parts import parts
from frontend.people import acts
from frontend.people.letters import deliver_reset
from frontend.people.queries import list_events
from frontend.people.words import EVENT_WORDS
from frontend.rights import ADMINS, Routes
from frontend.sign_in.sessions import required_person
from frontend.tenants import acts as tenant_acts
from frontend.tenants.queries import belongs_elsewhere, get_member, list_members
from frontend.tenants.rules import manageable_by, may_manage
from shared.errors import Conflict, NotAllowed

LIST = "/admin/people"

routes = Routes("people", rule=ADMINS)


@routes.get(LIST)
def list_people() -> ResponseReturnValue:
    page, words = page_asked(), words_asked("q")
    with parts().database.transaction() as session:
        people, total = list_members(
            session,
            required_person().tenant_id,
            words=words,
            limit=PAGE_ROWS,
            offset=(page - 1) * PAGE_ROWS,
        )
    return render_template(
        "people.html",
        person=required_person(),
        people=people,
        total=total,
        words=words,
        page=page,
        page_rows=PAGE_ROWS,
    )


@routes.get("/admin/people/<hex:person_id>")
def one(person_id: str) -> ResponseReturnValue:
    return _one(person_id)


@routes.post("/admin/people/<hex:person_id>/role")
def change_role(person_id: str) -> ResponseReturnValue:
    actor = required_person()
    return done(
        _path(person_id),
        lambda: tenant_acts.change_role(actor, person_id, role_field()),
        "The role was changed.",
    )


@routes.post("/admin/people/<hex:person_id>/disabled")
def disable(person_id: str) -> ResponseReturnValue:
    """Or enable, when the form says `no`."""
    actor = required_person()
    if text_field("disabled") == "no":
        return done(_path(person_id), lambda: acts.enable(actor, person_id), "Enabled again.")
    return done(
        _path(person_id),
        lambda: acts.disable(actor, person_id),
        "Disabled, and signed out everywhere.",
    )


@routes.post("/admin/people/<hex:person_id>/sign-in-reset")
def reset(person_id: str) -> ResponseReturnValue:
    """Answers with the page itself: a link that could not be mailed is shown there, and kept nowhere."""
    try:
        mailed_to, link = deliver_reset(acts.reset_sign_in(required_person(), person_id))
    except (Conflict, NotAllowed) as error:
        flash(error.message, "error")
        return redirect(_path(person_id), 303)
    return _one(person_id, link=link, mailed_to=mailed_to)


@routes.post("/admin/people/<hex:person_id>/removal")
def remove(person_id: str) -> ResponseReturnValue:
    actor = required_person()
    return done(LIST, lambda: tenant_acts.remove(actor, person_id), "Removed.")


@routes.get("/admin/security")
def security() -> ResponseReturnValue:
    page = page_asked()
    kind = next((kind for kind in SecurityEvent if kind == request.args.get("kind")), None)
    with parts().database.transaction() as session:
        events, total = list_events(
            session,
            required_person().tenant_id,
            kind=kind,
            person_id=words_asked("person") or None,
            limit=PAGE_ROWS,
            offset=(page - 1) * PAGE_ROWS,
        )
        people, _ = list_members(session, required_person().tenant_id, limit=500, offset=0)
    return render_template(
        "security.html",
        person=required_person(),
        events=events,
        words_of=EVENT_WORDS,
        kinds=[kind for kind in SecurityEvent if kind in EVENT_WORDS],
        kind=kind,
        people=people,
        of=words_asked("person"),
        total=total,
        page=page,
        page_rows=PAGE_ROWS,
    )


def _one(person_id: str, **shown: str | None) -> str:
    actor = required_person()
    with parts().database.transaction() as session:
        member = get_member(session, actor.tenant_id, person_id)
        is_shared = belongs_elsewhere(session, actor.tenant_id, person_id)
    return render_template(
        "person.html",
        person=actor,
        member=member,
        is_me=person_id == actor.person_id,
        is_shared=is_shared,
        may_manage=may_manage(actor.role, member.role),
        roles=manageable_by(actor.role),
        **shown,
    )


def _path(person_id: str) -> str:
    return url_for("people.one", person_id=person_id)
