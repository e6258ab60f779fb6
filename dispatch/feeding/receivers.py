"""What the vehicles' phones make of where they are: noise, accuracy, and gaps without a connection.

Pure and seeded, like the motion. A position error drifts (it does not jump about: consecutive errors are alike), and
now and then a vehicle is in a tunnel or yard without network for a while: it goes on recording and sends its backlog
when it is back.
"""

import numpy as np
from numpy.typing import NDArray

from dispatch.feeding.streets import METRES_PER_DEGREE

__all__ = ["Receivers"]

NOISE_M = 3.5
"""Standard deviation of the error in each direction, a phone under open sky."""
DRIFT_KEPT = 0.9
"""Share of the last error that remains in the next one."""
GAP_EVERY_S = 2_400.0
"""Mean time between losses of the network."""
GAP_DURATION_S = (15.0, 180.0)
BATTERY_DRAIN_PCT_PER_S = 14.0 / 3600
"""A phone that navigates with its screen on."""
BATTERY_CHARGE_PCT_PER_S = 60.0 / 3600
BATTERY_PLUGGED_PCT = 20.0
"""Below this the driver plugs the phone in; full, it is unplugged."""


class Receivers:
    """The receivers of n vehicles, in columns.

    Attributes:
        offline_s: float64 [n], how much longer each is without network; 0 when it has it.
        battery_pct: float64 [n], charge of the phone, 0 to 100.
    """

    def __init__(self, *, vehicle_count: int, seed: int, gap_every_s: float = GAP_EVERY_S) -> None:
        self._random = np.random.default_rng([seed, 1])
        self._gap_every_s = gap_every_s
        self._error_m = self._random.normal(0.0, NOISE_M, (2, vehicle_count))
        self.offline_s = np.zeros(vehicle_count)
        self.battery_pct = np.random.default_rng([seed, 2]).uniform(BATTERY_PLUGGED_PCT, 100.0, vehicle_count)
        self._is_charging = np.zeros(vehicle_count, bool)

    def step(self, step_s: float) -> None:
        """Let ``step_s`` seconds pass: gaps end and begin, phones drain and charge."""
        self.offline_s = np.maximum(self.offline_s - step_s, 0.0)
        begins = (self.offline_s == 0.0) & (self._random.random(len(self.offline_s)) < step_s / self._gap_every_s)
        self.offline_s[begins] = self._random.uniform(*GAP_DURATION_S, int(begins.sum()))
        rate = np.where(self._is_charging, BATTERY_CHARGE_PCT_PER_S, -BATTERY_DRAIN_PCT_PER_S)
        self.battery_pct = np.clip(self.battery_pct + rate * step_s, 0.0, 100.0)
        self._is_charging = (self.battery_pct < BATTERY_PLUGGED_PCT) | (self._is_charging & (self.battery_pct < 100.0))

    def observe(
        self, which: NDArray[np.intp], *, lat: NDArray[np.float64], lon: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """What the receivers ``which`` report for the true positions ``lat``, ``lon``.

        Args:
            which: [k] indexes of vehicles.
            lat, lon: float64 [k] degrees.

        Returns:
            lat and lon with error, and the accuracy that the receiver claims in metres, float64 [k] each.
        """
        fresh_m = self._random.normal(0.0, NOISE_M * np.sqrt(1.0 - DRIFT_KEPT**2), (2, len(which)))
        self._error_m[:, which] = DRIFT_KEPT * self._error_m[:, which] + fresh_m
        north_m, east_m = self._error_m[:, which]
        seen_lat = lat + north_m / METRES_PER_DEGREE
        seen_lon = lon + east_m / (METRES_PER_DEGREE * np.cos(np.radians(lat)))
        return seen_lat, seen_lon, self._random.uniform(3.0, 12.0, len(which))
