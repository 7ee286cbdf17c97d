"""What a person is asked before an agent may act for them. Pure."""

from dataclasses import dataclass

from frontend.oauth_server import redirect_uris, rights
from frontend.oauth_server.clients import Client
from frontend.oauth_server.queries import Consent


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent wants, and what the person allowed it before."""

    client: Client
    redirect_uri: str
    resource: str
    asked: tuple[str, ...]
    known: Consent | None

    @property
    def given(self) -> tuple[str, ...]:
        """What it may do already."""
        return () if self.known is None else self.known.rights

    @property
    def new(self) -> tuple[str, ...]:
        """What the person is asked for."""
        return rights.missing(self.asked, self.given)

    @property
    def redirect_host(self) -> str:
        return redirect_uris.host_of(self.redirect_uri)

    @property
    def stays_here(self) -> bool:
        """Whether the answer goes to a program on the person's own computer."""
        return redirect_uris.is_loopback(self.redirect_uri)

    @property
    def is_elsewhere(self) -> bool:
        """Whether the answer goes to another host than the one the agent is known by."""
        return not self.stays_here and self.client.host not in {"", self.redirect_host}

    @property
    def is_settled(self) -> bool:
        """Whether nobody need be asked.

        Not for an answer to this computer: any program can pretend there to be an agent that was let in (RFC 8252
        section 8.6). Not for an answer to another host than the person saw, from an agent that nobody here vouches for.
        """
        if self.known is None or self.new or self.stays_here:
            return False
        return self.client.is_known or self.redirect_host in self.known.redirect_hosts

    def agreed(self, ticked: set[str]) -> tuple[str, ...]:
        """What the agent may do when the person takes off what is not ticked: never more than was asked."""
        return rights.joined(self.given, (one for one in self.new if one in ticked))
