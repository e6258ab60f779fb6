"""Playing a recording: every fix is offered when the fleet's clock reaches it, at whatever speed that clock runs."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from dispatch.core.clock import FleetClock
from dispatch.feeding.encoding import encode_location
from dispatch.feeding.phone import Phone
from dispatch.feeding.recording import RecordedFix
from dispatch.feeding.sender import FixSender

__all__ = ["Survey", "play", "survey_recording", "within"]

SLICE_COUNT = 500
"""Fixes offered before the event loop gets its turn, a few milliseconds."""
WAITING_COUNT_MAX = 200_000
"""Fixes that may wait in the devices' memories before reading pauses, about 40 MB."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a recording holds: fixes, first and last moment (ms), devices by name in order of appearance."""

    fix_count: int
    first_ms: int
    last_ms: int
    devices: tuple[str, ...]


def within(fixes: Iterable[RecordedFix], *, start_ms: int | None, until_ms: int | None) -> Iterator[RecordedFix]:
    """The fixes of ``[start_ms, until_ms)``; None is open."""
    for fix in fixes:
        if (start_ms is None or fix.time_ms >= start_ms) and (until_ms is None or fix.time_ms < until_ms):
            yield fix


def survey_recording(fixes: Iterable[RecordedFix]) -> Survey | None:
    """What the recording holds; None when it holds nothing."""
    devices: dict[str, None] = {}
    fix_count, first_ms, last_ms = 0, 0, 0
    for fix in fixes:
        first_ms = min(first_ms, fix.time_ms) if fix_count else fix.time_ms
        last_ms = max(last_ms, fix.time_ms)
        fix_count += 1
        devices[fix.device] = None
    return (
        Survey(fix_count=fix_count, first_ms=first_ms, last_ms=last_ms, devices=tuple(devices)) if fix_count else None
    )


async def play(
    fixes: Iterable[RecordedFix],
    *,
    clock: FleetClock,
    wall_ms: Callable[[], int],
    sender: FixSender,
    phones: Mapping[str, Phone],
) -> None:
    """Offer every fix when the clock reaches it and wait until all are settled.

    Args:
        fixes: in the order of the recording; one that lies before its predecessor goes out at once.
        clock: the fleet's, anchored and running.
        wall_ms: the wall clock.
        sender: takes the fixes.
        phones: the device of each name.
    """
    for index, recorded in enumerate(fixes):
        await _until_due(recorded.time_ms, clock=clock, wall_ms=wall_ms)
        await sender.wait_for_room(WAITING_COUNT_MAX)
        sender.offer(phones[recorded.device], encode_location(recorded.fix, extras=recorded.extras))
        if index % SLICE_COUNT == 0:
            await asyncio.sleep(0)
    await sender.drain()


async def _until_due(time_ms: int, *, clock: FleetClock, wall_ms: Callable[[], int]) -> None:
    """Wait until the fleet's clock shows ``time_ms``; not at all when it does already."""
    ahead_ms = time_ms - clock.now_ms(wall_ms())
    if ahead_ms > 0:
        await asyncio.sleep(ahead_ms / clock.speed / 1000)
