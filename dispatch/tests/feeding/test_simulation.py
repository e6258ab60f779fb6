"""A simulated fleet reports evenly, in real positions, and is silent in a tunnel until it comes out."""

import asyncio
import json

from dispatch.feeding.lane import Address
from dispatch.feeding.sender import FixSender
from dispatch.feeding.simulation import STEP_S, Simulation
from dispatch.feeding.tally import Tally
from dispatch.tests.feeding.test_motion import grid_streets

NOWHERE = Address("127.0.0.1", 9)
"""The discard port, where nothing listens: the phones keep everything in their memory, where the test reads it."""


async def driven(*, vehicle_count: int, step_count: int, interval_s: float, seed: int) -> list[list[dict[str, object]]]:
    """The locations that each vehicle recorded, oldest first."""
    sender = FixSender(NOWHERE, tally=Tally())
    phones = [sender.add_phone(f"van-{index}") for index in range(vehicle_count)]
    simulation = Simulation(grid_streets(), phones=phones, sender=sender, interval_s=interval_s, seed=seed)
    for step in range(step_count):
        simulation.step(fix_time_ms=1_700_000_000_000 + round(step * STEP_S * 1000))
    await sender.close()
    return [[json.loads(location) for location in phone.memory] for phone in phones]


async def test_every_vehicle_reports_once_an_interval_and_their_turns_are_spread() -> None:
    recorded = await driven(vehicle_count=20, step_count=50, interval_s=2.0, seed=1)
    assert {len(locations) for locations in recorded} == {5}
    first_times = {str(locations[0]["timestamp"]) for locations in recorded}
    assert len(first_times) == 10


async def test_what_is_reported_lies_in_the_city_and_within_the_limits() -> None:
    for locations in await driven(vehicle_count=20, step_count=100, interval_s=1.0, seed=2):
        for location in locations:
            coords = location["coords"]
            assert isinstance(coords, dict)
            assert 59.999 < coords["latitude"] < 60.006
            assert 23.999 < coords["longitude"] < 24.011
            assert 0 <= coords["speed"] <= 13.9


async def test_the_same_seed_reports_the_same_fixes() -> None:
    one, again, other = await asyncio.gather(
        *(driven(vehicle_count=5, step_count=30, interval_s=1.0, seed=seed) for seed in (3, 3, 4))
    )
    assert one == again
    assert one != other
