"""The pages for people who are signed in."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from frontend.sign_in.sessions import page_for_signed_in, required_person

routes = Blueprint("pages", __name__)


@routes.get("/")
@page_for_signed_in
def home() -> ResponseReturnValue:
    return render_template("chat.html", person=required_person(), conversation_id="")


@routes.get("/c/<conversation_id>")
@page_for_signed_in
def conversation(conversation_id: str) -> ResponseReturnValue:
    """The same page with a conversation opened. Whether there is one is found by the page itself."""
    return render_template("chat.html", person=required_person(), conversation_id=conversation_id)


@routes.get("/tools")
@page_for_signed_in
def tools() -> ResponseReturnValue:
    return render_template("tools.html", person=required_person())


@routes.get("/approvals")
@page_for_signed_in
def approvals() -> ResponseReturnValue:
    return render_template("approvals.html", person=required_person())


@routes.get("/mailbox")
@page_for_signed_in
def mailbox() -> ResponseReturnValue:
    """Whether the person has a mailbox here is found by the page itself."""
    return render_template("mailbox.html", person=required_person())


@routes.get("/grants")
@page_for_signed_in
def grants() -> ResponseReturnValue:
    return render_template("grants.html", person=required_person())


@routes.get("/knowledge")
@page_for_signed_in
def knowledge() -> ResponseReturnValue:
    """Whether there is a knowledge base here is found by the page itself."""
    return render_template("knowledge.html", person=required_person())
