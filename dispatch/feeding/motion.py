"""How vehicles move along streets: a pure, vectorised model.

A vehicle drives an edge at the speed limit times its driver's pace, accelerates and brakes with comfortable bounds,
slows down for corners, sometimes waits at a junction, stops for deliveries and takes a long pause now and then. It
leaves out other traffic, signals and turn restrictions. All randomness comes from the seed: the same seed and the
same steps give the same journey on every machine. 50,000 vehicles take a few milliseconds a step.
"""

import numpy as np
from numpy.typing import NDArray

from dispatch.feeding.streets import Streets

__all__ = ["Motion"]

ACCELERATION_MPS2 = 1.8
"""A loaded van pulling away."""
BRAKING_MPS2 = 2.2
"""Comfortable braking, well below what an emergency allows."""
CREEP_MPS = 1.0
"""The slowest that a vehicle goes before it stands, so that it arrives instead of approaching for ever."""
CORNER_MPS = 4.5
"""Speed through a right angle."""
STOP_SPACING_M = 1_400.0
"""Mean distance between deliveries in a city."""
STOP_DURATION_S = (30.0, 240.0)
PAUSE_SHARE = 0.04
"""Share of stops at which the driver takes a pause."""
PAUSE_DURATION_S = (600.0, 1_500.0)
JUNCTION_WAIT_SHARE = 0.06
JUNCTION_WAIT_S = (4.0, 35.0)
PACE = (0.75, 1.0)
"""Drivers keep to this share of the limit; nobody exceeds it."""


class Motion:
    """The state of n vehicles, in columns.

    Attributes:
        edge: int32 [n], the edge that each is on.
        offset_m: float64 [n], metres from the edge's start.
        speed_mps: float64 [n].
        standing_s: float64 [n], how much longer each stands still; 0 when it drives.
    """

    def __init__(self, streets: Streets, *, vehicle_count: int, seed: int) -> None:
        self.streets = streets
        self._random = np.random.default_rng(seed)
        weights = streets.edge_length_m / streets.edge_length_m.sum()
        self.edge = self._random.choice(streets.edge_count, size=vehicle_count, p=weights).astype(np.int32)
        self.offset_m = self._random.random(vehicle_count) * streets.edge_length_m[self.edge]
        self.pace = self._random.uniform(*PACE, vehicle_count)
        self.speed_mps = streets.edge_limit_mps[self.edge] * self.pace * self._random.random(vehicle_count)
        self.stop_in_m = self._random.exponential(STOP_SPACING_M, vehicle_count)
        self.standing_s = np.where(
            self._random.random(vehicle_count) < 0.2, self._random.uniform(*STOP_DURATION_S, vehicle_count), 0.0
        )
        self.speed_mps[self.standing_s > 0] = 0.0
        self.next_edge = self._choose_next(self.edge)

    def __len__(self) -> int:
        return len(self.edge)

    def step(self, step_s: float) -> None:
        """Let ``step_s`` seconds (0 to about 2) pass."""
        self.standing_s = np.maximum(self.standing_s - step_s, 0.0)
        driving = self.standing_s == 0.0
        allowed_mps = self._allowed_speed()
        speed_mps = np.minimum(self.speed_mps + ACCELERATION_MPS2 * step_s, allowed_mps)
        self.speed_mps = np.where(driving, speed_mps, 0.0)
        moved_m = np.minimum(self.speed_mps * step_s, self.stop_in_m)
        self.offset_m += moved_m
        self.stop_in_m -= moved_m
        self._cross_junctions()
        self._begin_stops()

    def position(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """True latitude and longitude, float64 [n] degrees each."""
        return self.streets.position(self.edge, self.offset_m)

    def course_deg(self) -> NDArray[np.float64]:
        """Direction of travel, float64 [n], clockwise from north."""
        return self.streets.edge_course_deg[self.edge]

    def _allowed_speed(self) -> NDArray[np.float64]:
        """The fastest each may go now so as to take the next corner and the next stop."""
        streets = self.streets
        turn_deg = np.abs(
            (streets.edge_course_deg[self.next_edge] - streets.edge_course_deg[self.edge] + 180.0) % 360.0 - 180.0
        )
        sharpness = np.clip((turn_deg - 20.0) / 70.0, 0.0, 1.0)
        cruise_mps = streets.edge_limit_mps[self.edge] * self.pace
        after_mps = streets.edge_limit_mps[self.next_edge] * self.pace
        corner_mps = after_mps + sharpness * (np.minimum(CORNER_MPS, after_mps) - after_mps)
        left_m = np.maximum(streets.edge_length_m[self.edge] - self.offset_m, 0.0)
        for_corner = np.sqrt(corner_mps**2 + 2.0 * BRAKING_MPS2 * left_m)
        for_stop = np.maximum(np.sqrt(2.0 * BRAKING_MPS2 * self.stop_in_m), CREEP_MPS)
        return np.minimum(cruise_mps, np.minimum(for_corner, for_stop))

    def _cross_junctions(self) -> None:
        """Move those who passed their edge's end on to the next; short edges may be passed several at once."""
        streets = self.streets
        crossing = np.flatnonzero(self.offset_m > streets.edge_length_m[self.edge])
        while len(crossing):
            self.offset_m[crossing] -= streets.edge_length_m[self.edge[crossing]]
            self.edge[crossing] = self.next_edge[crossing]
            entered = self.edge[crossing]
            self.next_edge[crossing] = self._choose_next(entered)
            limit_mps = streets.edge_limit_mps[entered] * self.pace[crossing]
            self.speed_mps[crossing] = np.minimum(self.speed_mps[crossing], limit_mps)
            self._wait_at_junctions(crossing)
            crossing = crossing[self.offset_m[crossing] > streets.edge_length_m[entered]]

    def _wait_at_junctions(self, crossing: NDArray[np.intp]) -> None:
        """Some of those who enter an edge at a real junction stand there a moment."""
        node = self.streets.edge_from[self.edge[crossing]]
        is_junction = self.streets.first_out[node + 1] - self.streets.first_out[node] >= 3
        waits = is_junction & (self._random.random(len(crossing)) < JUNCTION_WAIT_SHARE)
        waiting = crossing[waits]
        self.standing_s[waiting] = self._random.uniform(*JUNCTION_WAIT_S, len(waiting))
        self.speed_mps[waiting] = 0.0

    def _begin_stops(self) -> None:
        """Those who reached their delivery stand, a few of them for a pause, and get the distance to the next one."""
        arrived = np.flatnonzero(self.stop_in_m <= 0.0)
        pausing = self._random.random(len(arrived)) < PAUSE_SHARE
        stop_s = self._random.uniform(*STOP_DURATION_S, len(arrived))
        pause_s = self._random.uniform(*PAUSE_DURATION_S, len(arrived))
        self.standing_s[arrived] = np.where(pausing, pause_s, stop_s)
        self.speed_mps[arrived] = 0.0
        self.stop_in_m[arrived] = self._random.exponential(STOP_SPACING_M, len(arrived)) + 20.0

    def _choose_next(self, edge: NDArray[np.int32]) -> NDArray[np.int32]:
        """The edge to take after each of ``edge``: of two draws the faster street; back only out of a dead end."""
        streets = self.streets
        node = streets.edge_to[edge]
        first, count = streets.first_out[node], streets.first_out[node + 1] - streets.first_out[node]
        draws = []
        for _ in range(2):
            draw = (self._random.random(len(edge)) * count).astype(np.int32)
            turns_back = (first + draw == streets.edge_reverse[edge]) & (count > 1)
            draws.append(first + np.where(turns_back, (draw + 1) % count, draw))
        one, other = draws
        faster = streets.edge_limit_mps[other] > streets.edge_limit_mps[one]
        return np.where(faster, other, one).astype(np.int32)
