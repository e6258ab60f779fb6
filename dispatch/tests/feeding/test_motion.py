"""Vehicles stay on the streets, keep to the limits, and drive the same journey for the same seed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.feeding.errors import StreetsUnusableError
from dispatch.feeding.motion import Motion
from dispatch.feeding.receivers import Receivers
from dispatch.feeding.streets import Streets, build_streets, load_streets

SIDE = 6
BLOCK_DEG = 0.001


def grid_streets() -> Streets:
    """Six by six junctions, two-way streets of about 110 m; the middle rows are faster."""
    row, column = (axis.ravel() for axis in np.mgrid[0:SIDE, 0:SIDE])
    node = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    east = np.column_stack((node[:, :-1].ravel(), node[:, 1:].ravel()))
    north = np.column_stack((node[:-1].ravel(), node[1:].ravel()))
    one_way = np.concatenate((east, north))
    both = np.concatenate((one_way, one_way[:, ::-1]))
    limit_mps = np.where(np.isin(both[:, 0] // SIDE, (2, 3)), 13.9, 8.3)
    return build_streets(
        node_lat=60.0 + row * BLOCK_DEG,
        node_lon=24.0 + column * 2 * BLOCK_DEG,
        edge_from=both[:, 0],
        edge_to=both[:, 1],
        edge_limit_mps=limit_mps,
    )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), step_s=st.sampled_from([0.2, 0.5, 1.0, 2.0]))
def test_vehicles_stay_on_their_edge_and_within_its_limit(seed: int, step_s: float) -> None:
    streets = grid_streets()
    motion = Motion(streets, vehicle_count=60, seed=seed)
    for _ in range(120):
        motion.step(step_s)
        assert (motion.offset_m >= 0).all()
        assert (motion.offset_m <= streets.edge_length_m[motion.edge]).all()
        assert (motion.speed_mps >= 0).all()
        assert (motion.speed_mps <= streets.edge_limit_mps[motion.edge]).all()


def test_a_vehicle_never_jumps_further_than_its_speed_allows() -> None:
    motion = Motion(grid_streets(), vehicle_count=200, seed=4)
    lat, lon = motion.position()
    for _ in range(200):
        motion.step(1.0)
        next_lat, next_lon = motion.position()
        north_m = (next_lat - lat) * 111_195
        east_m = (next_lon - lon) * 111_195 * np.cos(np.radians(lat))
        assert np.hypot(north_m, east_m).max() <= 13.9 + 0.1
        lat, lon = next_lat, next_lon


def test_a_vehicle_gains_speed_no_faster_than_it_can_accelerate() -> None:
    motion = Motion(grid_streets(), vehicle_count=200, seed=5)
    for _ in range(200):
        before_mps = motion.speed_mps.copy()
        motion.step(0.5)
        assert (motion.speed_mps - before_mps).max() <= 1.8 * 0.5 + 1e-9


def test_the_same_seed_drives_the_same_journey_and_another_seed_another() -> None:
    def journey(seed: int) -> tuple[list[float], list[float]]:
        motion = Motion(grid_streets(), vehicle_count=20, seed=seed)
        for _ in range(300):
            motion.step(1.0)
        lat, lon = motion.position()
        return lat.tolist(), lon.tolist()

    assert journey(7) == journey(7)
    assert journey(7) != journey(8)


def test_vehicles_stop_for_deliveries_and_drive_on() -> None:
    motion = Motion(grid_streets(), vehicle_count=100, seed=9)
    stood, drove_after = np.zeros(100, np.bool_), np.zeros(100, np.bool_)
    for _ in range(3_000):
        motion.step(1.0)
        drove_after |= stood & (motion.speed_mps > 2)
        stood |= motion.standing_s > 10
    assert stood.all()
    assert drove_after.mean() > 0.9


def test_a_vehicle_turns_back_only_where_nothing_else_leads_on() -> None:
    streets = grid_streets()
    motion = Motion(streets, vehicle_count=500, seed=10)
    for _ in range(300):
        motion.step(1.0)
        assert (motion.next_edge != streets.edge_reverse[motion.edge]).all()


def test_one_way_dead_ends_are_left_out_of_the_network() -> None:
    streets = build_streets(
        node_lat=np.array([60.0, 60.001, 60.002, 60.003]),
        node_lon=np.full(4, 24.0),
        edge_from=np.array([0, 1, 1, 2]),
        edge_to=np.array([1, 0, 2, 3]),
        edge_limit_mps=np.full(4, 10.0),
    )
    assert sorted(zip(streets.edge_from.tolist(), streets.edge_to.tolist(), strict=True)) == [(0, 1), (1, 0)]


def test_a_network_without_a_way_on_is_refused() -> None:
    with pytest.raises(StreetsUnusableError, match="leads on"):
        build_streets(
            node_lat=np.array([60.0, 60.001]),
            node_lon=np.array([24.0, 24.0]),
            edge_from=np.array([0]),
            edge_to=np.array([1]),
            edge_limit_mps=np.array([10.0]),
        )


def test_a_bent_street_of_the_file_is_driven_along_its_bend(tmp_path: Path) -> None:
    path = tmp_path / "streets.npz"
    bend_lat, bend_lon = [60.0, 60.001, 60.001], [24.0, 24.0, 24.002]
    np.savez(
        path,
        edge_speed_mps=np.array([10.0, 8.0], np.float32),
        geometry_offsets=np.array([0, 3, 6]),
        geometry_lat=np.array(bend_lat + bend_lat[::-1]),
        geometry_lon=np.array(bend_lon + bend_lon[::-1]),
    )
    streets = load_streets(path)
    assert streets.edge_count == 4
    assert (streets.edge_reverse >= 0).all()
    assert sorted(streets.edge_limit_mps.tolist()) == [8.0, 8.0, 10.0, 10.0]
    assert sorted(round(course) % 360 for course in streets.edge_course_deg) == [0, 90, 180, 270]


def test_a_missing_or_foreign_street_file_is_refused_with_its_name(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.npz"
    np.savez(foreign, something=np.zeros(3))
    for path in (tmp_path / "missing.npz", foreign):
        with pytest.raises(StreetsUnusableError, match=path.name):
            load_streets(path)


def test_receivers_err_by_metres_and_drift_instead_of_jumping() -> None:
    receivers = Receivers(vehicle_count=2_000, seed=3)
    which = np.arange(2_000)
    lat, lon = np.full(2_000, 60.0), np.full(2_000, 24.0)
    first, _, accuracy_m = receivers.observe(which, lat=lat, lon=lon)
    second, _, _ = receivers.observe(which, lat=lat, lon=lon)
    error_m = (first - lat) * 111_195
    change_m = (second - first) * 111_195
    assert 3.0 < error_m.std() < 4.0
    assert change_m.std() < 0.6 * error_m.std()
    assert 3.0 <= accuracy_m.min() <= accuracy_m.max() <= 12.0


def test_gaps_without_network_begin_and_end() -> None:
    receivers = Receivers(vehicle_count=200, seed=3, gap_every_s=300.0)
    was_offline, came_back = np.zeros(200, np.bool_), np.zeros(200, np.bool_)
    for _ in range(1_500):
        receivers.step(1.0)
        came_back |= was_offline & (receivers.offline_s == 0)
        was_offline |= receivers.offline_s > 0
    assert was_offline.mean() > 0.9
    assert came_back.mean() > 0.8


def test_a_phones_battery_drains_is_plugged_in_when_low_and_never_leaves_its_range() -> None:
    receivers = Receivers(vehicle_count=50, seed=3)
    before = receivers.battery_pct.copy()
    receivers.step(60.0)
    assert (receivers.battery_pct < before).sum() >= 49, "who is not plugged in drains"
    history = []
    for _ in range(200):
        receivers.step(600.0)
        history.append(receivers.battery_pct.copy())
    seen = np.array(history)
    assert seen.min() > 10.0
    assert seen.max() <= 100.0
    assert (np.ptp(seen, axis=0) > 50.0).all(), "every phone was low and charged again"
