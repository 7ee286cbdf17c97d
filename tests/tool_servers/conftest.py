"""All three tool servers, once for all of these tests."""

from collections.abc import Generator

import pytest
from support.forged import FOREIGN_KEYS
from support.tool_servers import ToolServers, tool_servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Generator[ToolServers]:
    """With keys of other algorithms in the key set of the authorization server."""
    with tool_servers(tmp_path_factory.mktemp("servers"), foreign_keys=FOREIGN_KEYS) as running:
        yield running
