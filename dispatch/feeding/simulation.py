"""Driving simulated vehicles in real time: motion, receivers and sender, step by step."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from dispatch.core.fix import Fix
from dispatch.feeding.encoding import encode_location
from dispatch.feeding.motion import Motion
from dispatch.feeding.phone import Phone
from dispatch.feeding.receivers import Receivers
from dispatch.feeding.sender import FixSender
from dispatch.feeding.streets import Streets

__all__ = ["STEP_S", "Simulation"]

STEP_S = 0.2
"""Seconds of motion in a step; vehicles report spread over the steps of their interval, not all at once."""
BEHIND_MAX_S = 2.0
"""When the machine cannot keep up by this much, the simulation lets time pass instead of rushing after it."""


class Simulation:
    """Vehicles that drive, each with a phone that reports every ``interval_s``."""

    def __init__(
        self, streets: Streets, *, phones: Sequence[Phone], sender: FixSender, interval_s: float, seed: int
    ) -> None:
        self._motion = Motion(streets, vehicle_count=len(phones), seed=seed)
        self._receivers = Receivers(vehicle_count=len(phones), seed=seed)
        self._phones = phones
        self._sender = sender
        self._interval_steps = max(round(interval_s / STEP_S), 1)
        self._step_index = 0
        self._is_offline = np.zeros(len(phones), np.bool_)
        self.skipped_s = 0.0

    async def run(self, *, wall_s: Callable[[], float], duration_s: float | None) -> None:
        """Drive for ``duration_s`` (None: until cancelled) in real time.

        Args:
            wall_s: the wall clock, seconds since 1970; times of fixes come from it.
            duration_s: seconds to drive.
        """
        next_s = started_s = wall_s()
        while duration_s is None or next_s - started_s < duration_s:
            behind_s = wall_s() - next_s
            if behind_s > BEHIND_MAX_S:
                self.skipped_s += behind_s
                next_s += behind_s
            self.step(fix_time_ms=round(next_s * 1000))
            next_s += STEP_S
            await asyncio.sleep(max(next_s - wall_s(), 0.0))

    def step(self, *, fix_time_ms: int) -> None:
        """Let one step pass; the vehicles whose turn it is report with ``fix_time_ms``."""
        self._motion.step(STEP_S)
        self._receivers.step(STEP_S)
        self._switch_networks()
        phase = self._step_index % self._interval_steps
        self._step_index += 1
        self._report(np.arange(phase, len(self._phones), self._interval_steps), fix_time_ms=fix_time_ms)

    def _switch_networks(self) -> None:
        """Tell the sender whose network came or went; backlogs go out oldest first by themselves."""
        is_offline = self._receivers.offline_s > 0.0
        for index in np.flatnonzero(is_offline != self._is_offline).tolist():
            self._sender.set_offline(self._phones[index], is_offline=bool(is_offline[index]))
        self._is_offline = is_offline

    def _report(self, which: NDArray[np.intp], *, fix_time_ms: int) -> None:
        """The vehicles ``which`` each record one fix."""
        true_lat, true_lon = (column[which] for column in self._motion.position())
        lat, lon, accuracy_m = self._receivers.observe(which, lat=true_lat, lon=true_lon)
        columns = (
            np.round(lat, 6).tolist(),
            np.round(lon, 6).tolist(),
            np.round(self._motion.speed_mps[which], 2).tolist(),
            np.round(self._motion.course_deg()[which], 1).tolist(),
            np.round(accuracy_m, 1).tolist(),
            np.round(self._receivers.battery_pct[which]).tolist(),
        )
        for index, fix_lat, fix_lon, speed_mps, course_deg, fix_accuracy_m, battery_pct in zip(
            which.tolist(), *columns, strict=True
        ):
            fix = Fix(
                fix_time_ms=fix_time_ms,
                lat=fix_lat,
                lon=fix_lon,
                speed_mps=speed_mps,
                course_deg=course_deg if speed_mps > 0.5 else None,
                accuracy_m=fix_accuracy_m,
                battery_pct=battery_pct,
            )
            self._sender.offer(self._phones[index], encode_location(fix))
