"""A frontend is killed after every kind of event: the page goes on at the other one, nothing missed."""

import pytest
import pytest_asyncio
from faults.cluster import Cluster
from faults.pages import Page, sign_in
from faults.scenarios import WIRE_KINDS, scenario_for
from faults.tally import TALLY
from faults.turns import respond
from faults.viewers import as_json, lasting

from shared.wire.events import ApprovalNeeded, Event

pytestmark = [pytest.mark.postgres, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cookies(whole_cluster: Cluster) -> str:
    return sign_in(whole_cluster)


@pytest.mark.parametrize("kind", WIRE_KINDS)
async def test_a_page_goes_on_when_its_frontend_is_killed(
    cluster: Cluster, cookies: str, kind: str
) -> None:
    await cluster.play(scenario_for(kind).replies)
    is_killed = False

    async def on_event(page: Page, event: Event) -> None:
        nonlocal is_killed
        if event.kind == kind and not is_killed:
            is_killed = True
            TALLY.faults["frontend killed"] += 1
            await cluster.frontends[0].kill()
        if isinstance(event, ApprovalNeeded):
            await page.approve(event.call_id)
        else:
            await respond(cluster, event, cluster.headers_of(page.turn_id))

    page = Page(cluster, cookies, on_event)
    await page.ask(cluster.frontends[0].url)
    assert is_killed
    assert as_json(lasting(page.events)) == await page.stored()
