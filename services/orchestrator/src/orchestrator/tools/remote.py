"""The servers that admins have added, as the catalogue asks them: other people's, each in the person's name."""

from dataclasses import dataclass, field

import httpx2

from orchestrator.connections.access import PersonAccess
from orchestrator.connections.parts import ConnectionParts
from orchestrator.connections.queries import list_servers
from orchestrator.tools.host import McpServer
from shared.service_tokens import Principal
from shared.wire.events import Origin

CALL_TIMEOUT_S = 60.0
MAX_KNOWN = 2_000


@dataclass(slots=True)
class RemoteServers:
    """Added servers. What was learnt of one is kept in this process."""

    parts: ConnectionParts
    transport: httpx2.AsyncBaseTransport
    _known: dict[str, McpServer] = field(default_factory=dict[str, McpServer])

    async def of_tenant(self, tenant_id: str) -> list[McpServer]:
        """Those that are switched on now, on every replica."""
        async with self.parts.database.reading() as session:
            rows = await list_servers(session, tenant_id)
        while len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]
        return [self._server(row.key, row.url) for row in rows if row.is_enabled]

    def access(self, server: McpServer, person: Principal) -> PersonAccess:
        return PersonAccess(self.parts, server.key, person)

    def _server(self, key: str, url: str) -> McpServer:
        known = self._known.get(key)
        if known is None:
            # Never ours: annotations only tighten, and texts are strangers'.
            origin = Origin(kind="tool", server=key, trusted=False)
            known = McpServer(
                key, url, False, self.transport, CALL_TIMEOUT_S, origin, url, is_added=True
            )
            self._known[key] = known
        return known
