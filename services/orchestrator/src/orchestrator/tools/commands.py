"""`orchestrator accept-tools`: what it does and what it says."""

import asyncio

from orchestrator.database import Database
from orchestrator.tools.queries import forget_definitions


def accept_tools(url: str, server: str) -> str:
    """Take what the operator's own server says of its tools from now on for accepted, once, for every tenant.

    Standing approvals stay bound to the definitions they were given for.
    """
    forgotten = asyncio.run(_forget(url, server))
    return f"{server}: {forgotten} definitions forgotten; the next listing is accepted as it is."


async def _forget(url: str, server: str) -> int:
    database = Database(url)
    try:
        async with database.writing() as session:
            return await forget_definitions(session, server)
    finally:
        await database.close()
