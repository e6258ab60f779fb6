"""What else the one port answers: health, hot routes, Django, and nothing on other WebSocket paths."""

from collections.abc import Callable

import pytest
import websockets

from tests.contract.conftest import MANAGE
from tests.contract.site import Site, User
from vola.testing.server import ServerFailed, run_server


async def test_health_says_ok_and_how_many_are_connected(start_site: Callable[..., Site]) -> None:
    site = start_site()
    assert (await site.get("/health")).json()["connections"] == 0
    async with site.connected():
        health = (await site.get("/health")).json()
    assert health["status"] == "ok"
    assert health["connections"] == 1


async def test_a_hot_route_is_answered_before_django(site: Site) -> None:
    assert (await site.get("/hot/path")).text == "hot /hot/path"
    assert (await site.get("/hotel")).status_code == 404


async def test_other_websocket_paths_are_not_found(site: Site) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with websockets.connect(site.server.ws_url + "/other", proxy=None):
            pass
    assert refused.value.response.status_code == 404


def test_a_taken_port_is_named_and_the_exit_code_is_not_zero(
    site: Site, contract_database: tuple[dict[str, str], dict[str, User]]
) -> None:
    taken = run_server(manage=MANAGE, env=contract_database[0], port=site.server.port)
    with pytest.raises(ServerFailed, match=rf"127\.0\.0\.1:{site.server.port}") as failed, taken:
        pass
    assert "exit code 1" in str(failed.value)
    assert "Traceback" not in str(failed.value)


def test_a_configuration_error_stops_the_start_with_its_check(
    contract_database: tuple[dict[str, str], dict[str, User]],
) -> None:
    wrong = contract_database[0] | {"CONTRACT_VOLA": '{"EXECUTOR_THREADS": 0}'}
    with pytest.raises(ServerFailed, match=r"vola\.E002"), run_server(manage=MANAGE, env=wrong):
        pass
