"""The whole system as a person meets it: server, demo people, driving vehicles, and a server that can be restarted."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.running import MANAGE, run_command, separate_database, start_command
from vola.testing import run_server
from vola.testing.server import ServerProcess

__all__ = ["Site", "running_site"]

DEMO_FLEET = "Helsinki Deliveries"


class Site:
    """A running site; its address stays the same over restarts."""

    def __init__(self, *, environment: dict[str, str]) -> None:
        self._environment = environment
        self._running = ExitStack()
        self._server: ServerProcess | None = None
        self.start()

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        assert self._server is not None
        return self._server.url

    def start(self) -> None:
        """Start the server, on the port it had."""
        port = self._server.port if self._server is not None else 0
        self._running = ExitStack()
        self._server = self._running.enter_context(run_server(manage=MANAGE, env=self._environment, port=port))

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        assert self._server is not None
        self._server.kill()
        self._running.close()

    def stop(self) -> None:
        """End the server in order."""
        self._running.close()


@contextmanager
def running_site(logs: Path) -> Iterator[Site]:
    """A site with the demo's people and its fleet driving, a fix of each vehicle every 2 s."""
    with separate_database() as database:
        environment = database | {"VOLA_DEMO": "1"}
        run_command("load_demo", environment=environment)
        site = Site(environment=environment)
        options = ["--fleet", DEMO_FLEET, "--renew-secrets", "--interval", "2", "--url", site.url]
        try:
            with start_command("simulate", *options, environment=environment, log=logs / "simulate.log"):
                yield site
        finally:
            site.stop()
