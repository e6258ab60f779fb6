"""A fleet with devices, a running Dispatch over it, and ways to send to it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from django.db import connections

from dispatch.core.fix import Fix
from dispatch.fleet import services
from dispatch.fleet.models import Device, Fleet
from dispatch.ingest import http
from dispatch.ingest.gathering import Outcome
from dispatch.runtime import DispatchService
from vola.errors import Disconnect

SECRET_HEADER = "authorization"


@dataclass
class Fixture:
    """A fleet on the wall clock: devices ``a`` and ``b`` with secrets, ``legacy-0`` to ``legacy-9`` without."""

    fleet: Fleet
    devices: dict[str, Device]
    secrets: dict[str, str]


def make_fleet() -> Fixture:
    """Register it."""
    fleet = services.create_fleet("Couriers")
    wanted = [services.NewDevice(unique_id=name) for name in ("a", "b")]
    wanted += [services.NewDevice(unique_id=f"legacy-{n}", id_only=True) for n in range(10)]
    made = services.register_devices(fleet, wanted)
    return Fixture(
        fleet, {device.unique_id: device for device, _ in made}, {device.unique_id: secret for device, secret in made}
    )


@dataclass
class Connections:
    """The engine's node as far as Dispatch asks: remembers whose connections were ended."""

    ended: list[str] = field(default_factory=list)

    def disconnect_user(self, user_id: str, *, disconnect: Disconnect) -> int:
        """Remember it."""
        assert not disconnect.reconnect
        self.ended.append(user_id)
        return 0


@asynccontextmanager
async def running(node: Connections | None = None) -> AsyncIterator[DispatchService]:
    """Dispatch, started as in a node and stopped afterwards."""
    service = DispatchService()
    await service.start(node or Connections())
    try:
        yield service
    finally:
        await service.stop()


@asynccontextmanager
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client that calls the ASGI application directly."""
    transport = httpx.ASGITransport(http.application)
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as made:
        yield made


async def submit(service: DispatchService, fixes: Sequence[tuple[str, Fix]]) -> list[Outcome]:
    """Submit fixes of devices in order; their outcomes in the same order."""
    loop = asyncio.get_running_loop()
    answers: list[asyncio.Future[Outcome]] = []
    for unique_id, fix in fixes:
        device = service.registry.find(unique_id)
        assert device is not None
        answers.append(loop.create_future())
        service.pipeline.submit(device, fix, answers[-1].set_result)
    return list(await asyncio.gather(*answers))


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000


async def until(condition: Any, *, timeout_s: float = 5.0) -> None:
    """Wait for something that happens by itself."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def query[T](read: Callable[[], T]) -> T:
    """What a function reads or writes with Django's connection, on a thread that closes its own afterwards."""

    def run() -> T:
        try:
            return read()
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)
