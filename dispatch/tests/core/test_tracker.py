"""The fix filter and the live state: the rules one by one, then against a fix-by-fix model and under any arrival."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.core.fix import Verdict
from dispatch.core.tracker import NEVER_MS, STATE_DTYPE, FixLimits, Tracker
from dispatch.tests.core.fixes import NAN, Row, batch_of, clock_for, feed

ACCEPTED, LATE, DUPLICATE, JUMP = Verdict.ACCEPTED, Verdict.LATE, Verdict.DUPLICATE, Verdict.IMPOSSIBLE_JUMP


def tracker_with(*device_ids: int, limits: FixLimits | None = None) -> Tracker:
    tracker = Tracker(limits=limits, capacity=1)
    for device_id in device_ids:
        tracker.add_device(device_id, 0)
    return tracker


# The rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (Row(1, 0, NAN, NAN), Verdict.NO_POSITION),
        (Row(1, 0, 10.0, NAN), Verdict.NO_POSITION),
        (Row(1, 0, 90.01, 10.0), Verdict.OUT_OF_RANGE),
        (Row(1, 0, 10.0, -180.01), Verdict.OUT_OF_RANGE),
        (Row(1, 0, math.inf, 10.0), Verdict.OUT_OF_RANGE),
        (Row(1, 0, 0.0, -0.0), Verdict.NULL_ISLAND),
        (Row(1, 300_000, 10.0, 10.0), ACCEPTED),
        (Row(1, 300_001, 10.0, 10.0), Verdict.IN_FUTURE),
        (Row(1, -7 * 86_400_000, 10.0, 10.0), ACCEPTED),
        (Row(1, -7 * 86_400_000 - 1, 10.0, 10.0), Verdict.TOO_OLD),
        (Row(1, 0, -90.0, 180.0), ACCEPTED),
    ],
)
def test_a_fix_that_is_wrong_in_itself_is_quarantined_with_its_reason(row: Row, verdict: Verdict) -> None:
    tracker = tracker_with(1)

    assert feed(tracker, [row], now_ms=0) == [verdict]
    assert (tracker.fix_time_ms[0] != NEVER_MS) == (verdict is ACCEPTED)


def test_the_worked_table_of_the_documentation_holds_in_one_batch_and_fix_by_fix() -> None:
    lons = [(0, 10.0), (10, 10.003), (20, 10.020), (30, 10.006), (40, 10.5), (50, 10.5), (60, 10.502), (60, 10.502)]
    rows = [Row(1, second * 1000, 0.0, lon) for second, lon in lons]
    expected = [ACCEPTED, ACCEPTED, JUMP, ACCEPTED, JUMP, JUMP, ACCEPTED, DUPLICATE]

    whole, single = tracker_with(1), tracker_with(1)

    assert feed(whole, rows) == expected
    assert [feed(single, [row])[0] for row in rows] == expected
    for tracker in (whole, single):
        assert feed(tracker, [Row(1, 5_000, 0.0, 10.001)]) == [LATE]
        assert (tracker.lon[0], tracker.fix_time_ms[0]) == (10.502, 60_000)


def test_two_measurements_that_agree_bring_a_marker_back_from_a_wrong_first_fix() -> None:
    tracker = tracker_with(1)

    verdicts = feed(tracker, [Row(1, 0, 50.0, 50.0), Row(1, 10_000, 10.0, 10.0), Row(1, 20_000, 10.0001, 10.0)])

    assert verdicts == [ACCEPTED, JUMP, ACCEPTED]
    assert tracker.lat[0] == pytest.approx(10.0001)


def test_a_receiver_that_froze_does_not_confirm_itself_but_a_parked_vehicle_does_after_two_minutes() -> None:
    """A taxi of the San Francisco recording reported one place 200 km off, three times to the digit in 42 seconds."""
    rows = [Row(1, 0, 37.796, -122.419)]
    rows += [Row(1, second * 1000, 35.925, -122.537) for second in (40, 76, 82)]
    back, stays = tracker_with(1), tracker_with(1)

    assert feed(back, [*rows, Row(1, 165_000, 37.798, -122.406)]) == [ACCEPTED, JUMP, JUMP, JUMP, ACCEPTED]
    assert feed(stays, [*rows, Row(1, 160_000, 35.925, -122.537)]) == [ACCEPTED, JUMP, JUMP, JUMP, ACCEPTED]


def test_a_quarantined_fix_that_is_sent_again_is_a_duplicate_and_confirms_nothing() -> None:
    tracker = tracker_with(1)
    feed(tracker, [Row(1, 0, 10.0, 10.0)])
    jump = Row(1, 10_000, 20.0, 10.0)

    assert feed(tracker, [jump, jump]) == [JUMP, DUPLICATE]
    assert feed(tracker, [jump]) == [DUPLICATE]
    assert tracker.lat[0] == 10.0


def test_a_believable_fix_at_the_time_of_a_jump_is_accepted() -> None:
    tracker = tracker_with(1)

    verdicts = feed(tracker, [Row(1, 0, 10.0, 10.0), Row(1, 1_000, 20.0, 10.0), Row(1, 1_000, 10.0001, 10.0)])

    assert verdicts == [ACCEPTED, JUMP, ACCEPTED]


def test_a_device_cannot_excuse_any_jump_with_a_huge_accuracy() -> None:
    tracker = tracker_with(1)
    feed(tracker, [Row(1, 0, 10.0, 10.0)])

    assert feed(tracker, [Row(1, 1_000, 10.04, 10.0, accuracy_m=1e9)]) == [ACCEPTED]
    assert feed(tracker, [Row(1, 2_000, 10.2, 10.0, accuracy_m=1e9)]) == [JUMP]


def test_a_recording_that_is_played_again_moves_the_markers_again() -> None:
    """Markers stood still at the end of the day when a fleet's clock was set back, because every fix was late."""
    tracker = tracker_with(1)
    day = [Row(1, minute * 60_000, 10.0 + minute / 1_000, 10.0) for minute in range(10)]
    for row in day:
        feed(tracker, [row], now_ms=row.fix_time_ms)

    assert feed(tracker, [day[0]], now_ms=0) == [ACCEPTED]
    assert tracker.fix_time_ms[0] == 0
    assert feed(tracker, day[1:3], now_ms=120_000) == [ACCEPTED, ACCEPTED]
    assert (tracker.lat[0], tracker.fix_time_ms[0]) == (10.002, 120_000)


# Slots ----------------------------------------------------------------------------------------------------------------


def test_a_slot_that_went_to_another_device_between_decision_and_commit_is_not_touched() -> None:
    tracker = tracker_with(1)
    assessment = tracker.assess(batch_of(tracker, [Row(1, 0, 10.0, 10.0)]), now_ms=np.zeros(1, np.int64))
    tracker.remove_device(0)
    assert tracker.add_device(2, 0) == 0

    assert tracker.apply(assessment).tolist() == []
    assert tracker.fix_time_ms[0] == NEVER_MS


def test_devices_keep_their_state_while_the_tracker_grows() -> None:
    tracker = tracker_with(1)
    feed(tracker, [Row(1, 7, 10.0, 10.0)])
    slots = [tracker.add_device(device_id, 0) for device_id in range(2, 500)]

    assert sorted(slots) == list(range(1, 499))
    assert (tracker.lat[0], tracker.fix_time_ms[0]) == (10.0, 7)
    assert np.isnan(tracker.lat[1:499]).all()


def test_a_checkpoint_restores_every_device_that_still_exists_and_has_no_newer_fix() -> None:
    before = tracker_with(1, 2, 3)
    feed(before, [Row(1, 5, 10.0, 10.0), Row(2, 5, 20.0, 20.0), Row(3, 5, 30.0, 30.0)])
    feed(before, [Row(1, 6, 70.0, 10.0)])
    after = tracker_with(2, 1)
    feed(after, [Row(2, 9, 21.0, 21.0)])

    changed = after.restore(before.checkpoint())

    assert changed.tolist() == [after.slot_of(1)]
    restored = after.checkpoint()[after.checkpoint()["device_id"] == 1]
    assert restored.tobytes() == before.checkpoint()[:1].tobytes()
    assert after.lat[after.slot_of(2) or 0] == 21.0
    assert before.checkpoint().dtype == STATE_DTYPE


def test_stored_fixes_are_counted_by_fleet() -> None:
    tracker = Tracker()
    tracker.add_device(1, 0)
    tracker.add_device(2, 3)

    feed(tracker, [Row(1, 5, 10.0, 10.0), Row(1, 5, 10.0, 10.0), Row(2, 5, 10.0, 10.0), Row(2, 6, 0.0, 0.0)])
    feed(tracker, [Row(2, 4, 10.0, 10.0)])

    assert tracker.stored_count_by_fleet.tolist() == [1, 0, 0, 2]


# Properties -----------------------------------------------------------------------------------------------------------

positions = st.sampled_from([(10.0, 10.0), (10.001, 10.0), (10.0, 10.004), (10.1, 10.0), (40.0, 40.0), (40.001, 40.0)])
radii = st.sampled_from([NAN, -1.0, 5.0, 3_000.0, 1e6])
rows = st.builds(
    lambda device_id, second, place, radius: Row(device_id, second * 1000, place[0], place[1], radius),
    st.integers(1, 3),
    st.integers(0, 200),
    positions,
    radii,
)
batches = st.lists(st.lists(rows, max_size=12), max_size=6)


@dataclass
class Model:
    """The rules of docs/algorithms/fix-filter.md for one device, written fix by fix."""

    accepted: Row | None = None
    candidate: Row | None = None

    def judge(self, row: Row) -> Verdict:
        reachable = self.accepted is None or self._reachable(self.accepted, row)
        if reachable or (self.candidate is not None and self._confirms(self.candidate, row)):
            self.accepted, self.candidate = row, None
            return ACCEPTED
        if self.candidate is not None and row.fix_time_ms == self.candidate.fix_time_ms:
            return DUPLICATE
        if self.candidate is None or not self._is_frozen(self.candidate, row):
            self.candidate = row
        return JUMP

    def judge_batch(self, batch: list[Row]) -> list[Verdict]:
        """In order of fix time; the verdicts in that order."""
        newest = self.accepted.fix_time_ms if self.accepted else NEVER_MS
        verdicts: list[Verdict] = []
        late: set[int] = set()
        for row in batch:
            if row.fix_time_ms == newest or (self.accepted and row.fix_time_ms == self.accepted.fix_time_ms):
                verdicts.append(DUPLICATE)
            elif row.fix_time_ms < newest:
                verdicts.append(DUPLICATE if row.fix_time_ms in late else LATE)
                late.add(row.fix_time_ms)
            else:
                verdicts.append(self.judge(row))
        return verdicts

    @staticmethod
    def _is_frozen(one: Row, other: Row) -> bool:
        same = (one.lat, one.lon) == (other.lat, other.lon)
        return same and other.fix_time_ms - one.fix_time_ms < 120_000

    def _confirms(self, one: Row, other: Row) -> bool:
        another = one.fix_time_ms != other.fix_time_ms and not self._is_frozen(one, other)
        return another and self._reachable(one, other)

    @staticmethod
    def _reachable(one: Row, other: Row) -> bool:
        radii_m = [min(r, 5_000.0) if r > 0 else 25.0 for r in (one.accuracy_m, other.accuracy_m)]
        lat_one, lon_one, lat, lon = (math.radians(v) for v in (one.lat, one.lon, other.lat, other.lon))
        cosine = math.sin(lat_one) * math.sin(lat) + math.cos(lat_one) * math.cos(lat) * math.cos(lon - lon_one)
        metres = 6_371_008.8 * math.acos(min(1.0, cosine))
        return metres <= 45.0 * abs(other.fix_time_ms - one.fix_time_ms) / 1000 + sum(radii_m)


@settings(deadline=None)
@given(batches)
def test_the_columns_decide_as_the_rules_do_fix_by_fix(batches: list[list[Row]]) -> None:
    tracker, models = tracker_with(1, 2, 3), {device_id: Model() for device_id in (1, 2, 3)}

    for batch in batches:
        verdicts = feed(tracker, batch)

        for device_id, model in models.items():
            mine = [(row, verdict) for row, verdict in zip(batch, verdicts, strict=True) if row.device_id == device_id]
            mine.sort(key=lambda pair: pair[0].fix_time_ms)
            assert [verdict for _, verdict in mine] == model.judge_batch([row for row, _ in mine])
            slot = tracker.slot_of(device_id)
            accepted, candidate = model.accepted, model.candidate
            assert tracker.fix_time_ms[slot] == (accepted.fix_time_ms if accepted else NEVER_MS)
            assert tracker.candidate_time_ms[slot] == (candidate.fix_time_ms if candidate else NEVER_MS)
            if accepted:
                assert [tracker.lat[slot], tracker.lon[slot]] == [accepted.lat, accepted.lon]


@settings(deadline=None)
@given(batches)
def test_assessing_changes_nothing(batches: list[list[Row]]) -> None:
    tracker = tracker_with(1, 2, 3)
    for batch in batches:
        before = tracker.checkpoint().tobytes()
        columns = batch_of(tracker, batch)
        first = tracker.assess(columns, now_ms=clock_for(tracker, columns))
        second = tracker.assess(columns, now_ms=clock_for(tracker, columns))

        assert tracker.checkpoint().tobytes() == before
        assert first.verdicts.tolist() == second.verdicts.tolist()
        tracker.apply(first)


@settings(deadline=None)
@given(batches)
def test_applying_twice_is_applying_once_and_the_newest_fix_never_gets_older(batches: list[list[Row]]) -> None:
    tracker = tracker_with(1, 2, 3)
    times = [tracker.fix_time_ms[:3].copy()]
    for batch in batches:
        columns = batch_of(tracker, batch)
        assessment = tracker.assess(columns, now_ms=clock_for(tracker, columns))
        changed = tracker.apply(assessment)
        once = tracker.checkpoint().tobytes()

        assert set(np.flatnonzero(tracker.fix_time_ms[:3] != times[-1]).tolist()) == set(changed.tolist())
        assert tracker.apply(assessment).tolist() == []
        assert tracker.checkpoint().tobytes() == once
        times.append(tracker.fix_time_ms[:3].copy())
    assert all((after >= before).all() for before, after in pairwise(times))


# A walk in which no fix jumps: every pair is reachable from each other, however far apart in time.
plain_rows = st.builds(
    lambda device_id, second: Row(device_id, second * 1000, 10.0 + second * 1e-5, 10.0),
    st.integers(1, 3),
    st.integers(0, 500),
)


@settings(deadline=None)
@given(st.lists(plain_rows, max_size=40), st.randoms(use_true_random=False), st.integers(1, 9))
def test_without_jumps_any_order_repetition_and_batching_ends_in_the_same_live_state(
    rows: list[Row], random: object, size: int
) -> None:
    shuffled = rows + rows[::2]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    anyhow, sorted_once = tracker_with(1, 2, 3), tracker_with(1, 2, 3)

    verdicts: list[int] = []
    for first in range(0, len(shuffled), size):
        verdicts += feed(anyhow, shuffled[first : first + size])
    feed(sorted_once, sorted(set(rows)))

    columns = ["device_id", "fix_time_ms", "lat", "lon", "candidate_time_ms"]
    assert anyhow.checkpoint()[columns].tolist() == sorted_once.checkpoint()[columns].tolist()
    assert JUMP not in verdicts
    # Repetitions of older fixes arrive as late: which of them are stored already, the history's unique key knows.
    assert verdicts.count(DUPLICATE) + verdicts.count(LATE) + verdicts.count(ACCEPTED) == len(shuffled)
    assert verdicts.count(DUPLICATE) + verdicts.count(LATE) >= len(shuffled) - len(set(rows))


@settings(deadline=None)
@given(st.lists(rows, max_size=30), st.integers(1, 30))
def test_a_sequence_in_time_order_gives_the_same_verdicts_in_batches_of_any_size(rows: list[Row], size: int) -> None:
    rows = sorted(rows, key=lambda row: row.fix_time_ms)
    whole, parts = tracker_with(1, 2, 3), tracker_with(1, 2, 3)

    verdicts = [v for first in range(0, len(rows), size) for v in feed(parts, rows[first : first + size])]

    assert verdicts == feed(whole, rows)
    assert parts.checkpoint().tobytes() == whole.checkpoint().tobytes()
