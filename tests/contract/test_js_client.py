"""The unmodified npm client `centrifuge`, run by Node, against a real server. The scenarios are in js/contract.mjs."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.node import NodeTools, find_node
from tests.contract.proxy import proxy_to
from tests.contract.site import Site

DIRECTORY = Path(__file__).resolve().parent / "js"
SCENARIOS = (
    "connect_by_session_and_origin",
    "refused_without_session_and_from_a_foreign_page",
    "subscribe_before_connect_is_sent_with_it",
    "subscribe_refused_by_code",
    "publish_from_server_and_client",
    "unsubscribe_and_come_back",
    "history_paging",
    "presence_and_stats",
    "join_and_leave",
    "rpc_results_and_errors",
    "latest_snapshot_then_changes",
    "latest_own_source_joins_up",
)
DRIVEN_FROM_HERE = ("recovery_while_published", "restart_of_the_server")


@pytest.fixture(scope="session")
def node() -> NodeTools:
    """Node with the scenarios' packages installed from the lock file."""
    tools = find_node()
    tools.install(DIRECTORY)
    return tools


@asynccontextmanager
async def running(
    node: NodeTools, site: Site, scenario: str, *, port: int | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """One scenario as a process; it is killed at the end of the block if it still runs."""
    users = {name: {"id": user.id, "session": user.session} for name, user in site.users.items()}
    url = site.server.ws_url if port is None else site.server.ws_url.replace(str(site.server.port), str(port))
    process = await asyncio.create_subprocess_exec(
        *node.command,
        "contract.mjs",
        cwd=DIRECTORY,
        env=os.environ | {"SCENARIO": scenario, "WS_URL": url, "SITE_URL": site.server.url, "USERS": json.dumps(users)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def result_of(process: asyncio.subprocess.Process) -> dict[str, Any]:
    async with asyncio.timeout(50):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    result: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    return result


async def subscribed(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        line = await process.stdout.readline()
    if line != b"subscribed\n":
        await result_of(process)
        raise AssertionError(line)


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_the_javascript_client(node: NodeTools, site: Site, scenario: str) -> None:
    async with running(node, site, scenario) as process:
        await result_of(process)


async def test_no_scenario_is_forgotten(node: NodeTools) -> None:
    process = await asyncio.create_subprocess_exec(
        *node.command,
        "contract.mjs",
        "--list",
        cwd=DIRECTORY,
        env=os.environ | {"USERS": "{}"},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert tuple(json.loads(out)) == SCENARIOS + DRIVEN_FROM_HERE


async def test_the_javascript_client_recovers_without_gaps_and_duplicates(node: NodeTools, site: Site) -> None:
    """Publications go on while the connection is cut again and again."""
    async with (
        proxy_to(site.server.port) as proxy,
        running(node, site, "recovery_while_published", port=proxy.port) as process,
    ):
        await subscribed(process)
        count = 0
        for cut in range(60):
            await site.publish("chat:js-recovery", count, repeat=5)
            count += 5
            if cut % 12 == 6:
                proxy.cut()
            await asyncio.sleep(0.05)
        await site.publish("chat:js-recovery", {"n": -1})
        result = await result_of(process)
    assert result["numbers"] == [*range(count), -1]
    assert result["offsets"] == list(range(1, count + 2))
    assert result["connectedCount"] >= 4
    assert all(result["recovered"])


async def test_the_javascript_client_learns_of_a_new_epoch(node: NodeTools, start_site: Callable[..., Site]) -> None:
    site = start_site()
    async with running(node, site, "restart_of_the_server") as process:
        await subscribed(process)
        await site.publish("chat:js-epoch", 0, repeat=3)
        port = site.server.port
        await asyncio.to_thread(site.server.kill)
        await asyncio.to_thread(start_site, port=port)
        result = await result_of(process)
    assert result == {"wasRecovering": True, "recovered": False}
