"""The contract tests' server: the minimal project, run by `manage.py vola serve` in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.site import Site, User
from vola.testing import run_server

HERE = Path(__file__).resolve().parent
MANAGE = HERE / "manage.py"


@pytest.fixture(scope="session")
def contract_database(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, User]]:
    """The environment that names a fresh database, and the users in it with their sessions."""
    environment = {"CONTRACT_DATABASE": str(tmp_path_factory.mktemp("contract") / "database.sqlite3")}
    prepared = subprocess.run(
        [sys.executable, str(MANAGE), "prepare_contract"],
        env=os.environ | environment,
        check=True,
        capture_output=True,
        text=True,
    )
    users = {name: User(id=keys["id"], session=keys["session"]) for name, keys in json.loads(prepared.stdout).items()}
    return environment, users


@pytest.fixture(scope="session")
def site(contract_database: tuple[dict[str, str], dict[str, User]]) -> Iterator[Site]:
    """One server for all tests; channels are named apart."""
    environment, users = contract_database
    with run_server(manage=MANAGE, env=environment) as server:
        yield Site(server, users=users)


@pytest.fixture(scope="session")
def strict_site(contract_database: tuple[dict[str, str], dict[str, User]]) -> Iterator[Site]:
    """One server with tight limits for all tests of limits; strangers may connect to it."""
    environment, users = contract_database
    limits = {
        "ALLOW_ANONYMOUS": True,
        "PING_INTERVAL_S": 1,
        "PONG_TIMEOUT_S": 0.9,
        "CLIENT_CHANNELS_MAX": 2,
    }
    with run_server(manage=MANAGE, env=environment | {"CONTRACT_VOLA": json.dumps(limits)}) as server:
        yield Site(server, users=users)


@pytest.fixture
def start_site(contract_database: tuple[dict[str, str], dict[str, User]]) -> Iterator[Callable[..., Site]]:
    """Starts servers of a test's own: start_site(port=0, PING_INTERVAL_S=1)."""
    environment, users = contract_database
    with ExitStack() as stack:

        def start(*, port: int = 0, **vola: object) -> Site:
            own = environment | {"CONTRACT_VOLA": json.dumps(vola)}
            return Site(stack.enter_context(run_server(manage=MANAGE, env=own, port=port)), users=users)

        yield start
