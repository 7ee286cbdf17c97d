"""Has our own tool servers delete what they keep of a tenant. Nobody's name is in it."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import structlog

from orchestrator.tools.host import McpServer
from shared.errors import Unavailable
from shared.scopes import REMOVAL
from shared.service_tokens import TokenIssuer

PATH = "/v1/tenant"
TIMEOUT_S = 10.0
"""The whole request of the frontend has 15 s. Servers delete a part at a time, and nothing twice."""
TOKEN_LIFETIME_S = 60
SUBJECT = "orchestrator"
NOTHING_THERE = 404

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ServerRemoval:
    """Asks each server that is ours; what others keep is theirs."""

    servers: Mapping[str, McpServer]
    issuer: TokenIssuer
    http: httpx.AsyncClient

    async def remove_part(self, tenant_id: str) -> bool:
        """Delete a part everywhere. Whether nothing is left. Raises Unavailable: a server has not done it."""
        own = [server for server in self.servers.values() if server.own]
        are_done = [await self._remove_at(server, tenant_id) for server in own]
        return all(are_done)

    async def _remove_at(self, server: McpServer, tenant_id: str) -> bool:
        token = self.issuer.issue(
            audience=server.audience,
            subject=SUBJECT,
            tenant=tenant_id,
            scope=REMOVAL,
            lifetime_s=TOKEN_LIFETIME_S,
        )
        address = f"{server.url.rstrip('/').removesuffix('/mcp')}{PATH}"
        headers = {"Authorization": f"Bearer {token}"}
        try:
            answer = await self.http.delete(address, headers=headers, timeout=TIMEOUT_S)
            if answer.status_code == NOTHING_THERE:  # a server of ours that keeps nothing
                return True
            answer.raise_for_status()
            return answer.json()["done"] is True
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.warning("tenant_not_removed", server=server.key, error=type(error).__name__)
            raise Unavailable(f"“{server.key}” has not deleted what it keeps.") from error
