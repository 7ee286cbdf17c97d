"""The pages for people who are signed in."""

from flask import render_template
from flask.typing import ResponseReturnValue

from frontend.rights import SIGNED_IN, Routes
from frontend.sign_in.sessions import required_person

routes = Routes("pages", rule=SIGNED_IN)


@routes.get("/")
def home() -> ResponseReturnValue:
    return render_template("chat.html", person=required_person(), conversation_id="")


@routes.get("/c/<conversation_id>")
def conversation(conversation_id: str) -> ResponseReturnValue:
    """The same page with a conversation opened. Whether there is one is found by the page itself."""
    return render_template("chat.html", person=required_person(), conversation_id=conversation_id)


@routes.get("/tools")
def tools() -> ResponseReturnValue:
    return render_template("tools.html", person=required_person())


@routes.get("/approvals")
def approvals() -> ResponseReturnValue:
    return render_template("approvals.html", person=required_person())


@routes.get("/mailbox")
def mailbox() -> ResponseReturnValue:
    """Whether the person has a mailbox here is found by the page itself."""
    return render_template("mailbox.html", person=required_person())


@routes.get("/grants")
def grants() -> ResponseReturnValue:
    return render_template("grants.html", person=required_person())


@routes.get("/knowledge")
def knowledge() -> ResponseReturnValue:
    """Whether there is a knowledge base here is found by the page itself."""
    return render_template("knowledge.html", person=required_person())
