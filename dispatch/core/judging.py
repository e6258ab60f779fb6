"""Deciding about fixes: which are accepted, late, repeated or quarantined.

Pure functions over columns; the state that they compare with is passed in and never changed (the class
:class:`dispatch.core.tracker.Tracker` owns it). Left out: late fixes are not judged by distance, because their true
neighbours in time are in the history, not here. The rules with a worked table: ``docs/algorithms/fix-filter.md``.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dispatch.core.fix import FixBatch, Verdict

__all__ = ["CLEAR", "KEEP", "NEVER_MS", "Assessment", "FixLimits", "Known", "judge"]

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]
type Flags = NDArray[np.bool_]

NEVER_MS: Final = -(2**62)
"""The time of a fix that does not exist; differences to real times do not overflow."""
KEEP: Final = -2
"""As a row: the device's candidate stays as it is."""
CLEAR: Final = -1
"""As a row: there is none (any more)."""

_EARTH_RADIUS_M: Final = 6_371_008.8


@dataclass(frozen=True, slots=True, kw_only=True)
class FixLimits:
    """What is believed of a fix.

    Attributes:
        future_ms: how far ahead of the fleet's clock a fix may be: a phone's clock skew, not a wrong date.
        past_ms: how far behind: the longest time that a device keeps fixes while it has no network.
        speed_mps_max: no vehicle covers ground faster; 45 m/s is 162 km/h.
        accuracy_m_unknown: radius that is assumed when the device did not say one.
        accuracy_m_max: a wider radius is cut to this, else a device could excuse any jump.
        frozen_ms: a receiver that froze repeats its last coordinates to the digit; only after this long does a mere
            repetition of a candidate confirm it.
    """

    future_ms: int = 300_000
    past_ms: int = 7 * 86_400_000
    speed_mps_max: float = 45.0
    accuracy_m_unknown: float = 25.0
    accuracy_m_max: float = 5_000.0
    frozen_ms: int = 120_000


@dataclass(slots=True)
class Places:
    """Where and when something was: four columns of one length; ``time_ms`` is NEVER_MS where there is none."""

    time_ms: Ints
    lat: Floats
    lon: Floats
    accuracy_m: Floats

    def at(self, index: NDArray[np.intp]) -> "Places":
        """The entries at ``index``, copied."""
        return Places(self.time_ms[index], self.lat[index], self.lon[index], self.accuracy_m[index])

    def put(self, index: NDArray[np.intp], other: "Places") -> None:
        """Overwrite the entries at ``index``."""
        self.time_ms[index] = other.time_ms
        self.lat[index] = other.lat
        self.lon[index] = other.lon
        self.accuracy_m[index] = other.accuracy_m


@dataclass(slots=True)
class Known:
    """What the tracker knows of the m devices of a batch.

    Attributes:
        accepted: the newest accepted fixes.
        candidate: the last fixes that jumped and wait for a second one to confirm them.
        is_forgotten: whether what the tracker has is not to be compared with: both times are NEVER_MS then.
    """

    accepted: Places
    candidate: Places
    is_forgotten: Flags


@dataclass(frozen=True, slots=True)
class Assessment:
    """Verdicts about a batch, and what becomes of each device in it once the batch is durable.

    Attributes:
        batch: the n fixes that were judged.
        verdicts: uint8 (n), values of :class:`Verdict`.
        slot, device_id: the m devices that have at least one fix worth comparing, each once.
        last_row: (m) row of the device's newest accepted fix, CLEAR when none was accepted.
        candidate_row: (m) row of the new candidate, CLEAR (none any more) or KEEP.
        step_m, step_ms: (m) way and time from the fix before to ``last_row``; NaN when there was none before.
        is_forgotten: (m) whether ``last_row`` replaces the device's state even when that is newer.
    """

    batch: FixBatch
    verdicts: NDArray[np.uint8]
    slot: NDArray[np.int32]
    device_id: NDArray[np.int64]
    last_row: NDArray[np.intp]
    candidate_row: NDArray[np.intp]
    step_m: NDArray[np.float32]
    step_ms: NDArray[np.float64]
    is_forgotten: Flags


def static_verdicts(batch: FixBatch, *, now_ms: Ints, limits: FixLimits) -> NDArray[np.uint8]:
    """Judge each fix by itself: uint8 (n), ACCEPTED where nothing is wrong with it alone."""
    verdicts = np.zeros(len(batch), np.uint8)
    verdicts[batch.fix_time_ms < now_ms - limits.past_ms] = Verdict.TOO_OLD
    verdicts[batch.fix_time_ms > now_ms + limits.future_ms] = Verdict.IN_FUTURE
    verdicts[(batch.lat == 0.0) & (batch.lon == 0.0)] = Verdict.NULL_ISLAND
    verdicts[(np.abs(batch.lat) > 90.0) | (np.abs(batch.lon) > 180.0)] = Verdict.OUT_OF_RANGE
    verdicts[np.isnan(batch.lat) | np.isnan(batch.lon)] = Verdict.NO_POSITION
    return verdicts


def distance_m(one: Places, other: Places) -> Floats:
    """Great-circle distance between pairs, metres (haversine on the mean sphere: within 0.6 percent)."""
    lat_one, lat_other = np.radians(one.lat), np.radians(other.lat)
    half_lat = np.sin((lat_other - lat_one) / 2)
    half_lon = np.sin(np.radians(other.lon - one.lon) / 2)
    chord = half_lat * half_lat + np.cos(lat_one) * np.cos(lat_other) * half_lon * half_lon
    metres: Floats = 2 * _EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return metres


def _is_reachable(metres: Floats, *, one: Places, other: Places, limits: FixLimits) -> Flags:
    """Whether a vehicle gets from one to the other in the time between them; True where ``one`` never was."""
    seconds = np.abs(other.time_ms - one.time_ms) / 1000.0
    reach_m = limits.speed_mps_max * seconds + one.accuracy_m + other.accuracy_m
    reachable: Flags = (one.time_ms == NEVER_MS) | (metres <= reach_m)
    return reachable


def believed_accuracy_m(accuracy_m: NDArray[np.float32], *, limits: FixLimits) -> Floats:
    """The radii to judge with: unknown, zero and negative ones become the assumed one, huge ones are cut."""
    radius = np.asarray(accuracy_m, np.float64)
    radius = np.where(radius > 0.0, radius, limits.accuracy_m_unknown)
    return np.minimum(radius, limits.accuracy_m_max)


@dataclass(slots=True)
class _Progress:
    """Columns that the judging fills: ``verdicts`` by row, the rest by device (see Assessment)."""

    verdicts: NDArray[np.uint8]
    last_row: NDArray[np.intp]
    candidate_row: NDArray[np.intp]
    step_m: NDArray[np.float32]
    step_ms: NDArray[np.float64]


def judge(
    batch: FixBatch,
    *,
    verdicts: NDArray[np.uint8],
    order: NDArray[np.intp],
    starts: NDArray[np.intp],
    known: Known,
    limits: FixLimits,
) -> Assessment:
    """Compare the fixes that are sound in themselves with their devices' state and with each other.

    Args:
        verdicts: what :func:`static_verdicts` found; completed in place.
        order: the rows to compare, sorted by (device, fix time, arrival).
        starts: where in ``order`` each of the m devices begins.
        known: m entries.
    """
    count = len(starts)
    done = _Progress(
        verdicts=verdicts,
        last_row=np.full(count, CLEAR, np.intp),
        candidate_row=np.full(count, KEEP, np.intp),
        step_m=np.full(count, np.nan, np.float32),
        step_ms=np.full(count, np.nan, np.float64),
    )
    if count:
        radius_m = believed_accuracy_m(batch.accuracy_m, limits=limits)
        fixes = Places(batch.fix_time_ms, batch.lat, batch.lon, radius_m)
        device = np.repeat(np.arange(count), np.diff(starts, append=len(order)))
        newer = _settle_known(fixes, order=order, device=device, known=known, done=done)
        _judge_newer(fixes, order=order[newer], device=device[newer], known=known, limits=limits, done=done)
    first_row = order[starts]
    return Assessment(
        batch=batch,
        verdicts=verdicts,
        slot=batch.slot[first_row],
        device_id=batch.device_id[first_row],
        last_row=done.last_row,
        candidate_row=done.candidate_row,
        step_m=done.step_m,
        step_ms=done.step_ms,
        is_forgotten=known.is_forgotten,
    )


def _repeats(times: Ints, device: NDArray[np.intp]) -> Flags:
    """Where a sorted entry has the device and the time of the entry before it."""
    repeated = np.zeros(len(times), np.bool_)
    repeated[1:] = (times[1:] == times[:-1]) & (device[1:] == device[:-1])
    return repeated


def _settle_known(
    fixes: Places, *, order: NDArray[np.intp], device: NDArray[np.intp], known: Known, done: _Progress
) -> Flags:
    """Settle the fixes that are not newer than the device's newest accepted one; return where the others are."""
    times = fixes.time_ms[order]
    newest = known.accepted.time_ms[device]
    late = times < newest
    done.verdicts[order[late]] = Verdict.LATE
    done.verdicts[order[(times == newest) | (late & _repeats(times, device))]] = Verdict.DUPLICATE
    return times > newest


def _judge_newer(
    fixes: Places,
    *,
    order: NDArray[np.intp],
    device: NDArray[np.intp],
    known: Known,
    limits: FixLimits,
    done: _Progress,
) -> None:
    """Judge the fixes that are newer than what is known, for all devices at once, round by round.

    A round judges the next fix of every device that has one left. Once a fix is accepted, so are those after it as
    long as each is reachable from the one before: they form a run, and the device goes on after it. Almost every device
    is done in one round, and the others need a few for each fix that jumps, however many fixes they sent.
    """
    if not len(order):
        return
    runs = _find_runs(fixes, order=order, device=device, limits=limits)
    starts = np.flatnonzero(np.diff(device, prepend=-1))
    owners, ends = device[starts], np.append(starts[1:], len(order))
    upcoming = starts.copy()
    accepted, candidate = known.accepted.at(owners), known.candidate.at(owners)
    while len(at := np.flatnonzero(upcoming < ends)):
        entry, who = upcoming[at], owners[at]
        rows = order[entry]
        here, last, wait = fixes.at(rows), accepted.at(at), candidate.at(at)
        judged = _judge_round(here, last=last, wait=wait, limits=limits)
        done.verdicts[rows] = judged.verdicts
        done.candidate_row[who[judged.jumps]] = rows[judged.jumps]
        candidate.put(at[judged.jumps], here.at(np.flatnonzero(judged.jumps)))

        takes = judged.verdicts == Verdict.ACCEPTED
        run_last = np.where(takes, runs.last[entry], entry)
        upcoming[at] = run_last + 1
        newest = order[run_last[takes]]
        goes_on = run_last[takes] > entry[takes]
        done.last_row[who[takes]] = newest
        done.candidate_row[who[takes]] = CLEAR
        done.step_m[who[takes]] = np.where(goes_on, runs.step_m[run_last[takes]], judged.step_m[takes])
        done.step_ms[who[takes]] = np.where(goes_on, runs.step_ms[run_last[takes]], judged.step_ms[takes])
        accepted.put(at[takes], fixes.at(newest))
        candidate.time_ms[at[takes]] = NEVER_MS


@dataclass(frozen=True, slots=True)
class _Runs:
    """For each sorted fix: the last one of its run, and the way and time from the one before."""

    last: NDArray[np.intp]
    step_m: Floats
    step_ms: Ints


def _find_runs(fixes: Places, *, order: NDArray[np.intp], device: NDArray[np.intp], limits: FixLimits) -> _Runs:
    """Runs are stretches of one device's fixes with different times, each reachable from the one before."""
    here, before = fixes.at(order), fixes.at(np.roll(order, 1))
    step_m, step_ms = distance_m(before, here), here.time_ms - before.time_ms
    begins = np.diff(device, prepend=-1) != 0
    begins |= (step_ms == 0) | ~_is_reachable(step_m, one=before, other=here, limits=limits)
    last = np.append(np.flatnonzero(begins)[1:], len(order)) - 1
    return _Runs(last[np.cumsum(begins) - 1], step_m, step_ms)


@dataclass(frozen=True, slots=True)
class _Round:
    """Verdicts of one round; ``jumps`` marks new candidates; steps are those of accepted fixes, NaN for first ones."""

    verdicts: NDArray[np.uint8]
    jumps: Flags
    step_m: Floats
    step_ms: Floats


def _judge_round(here: Places, *, last: Places, wait: Places, limits: FixLimits) -> _Round:
    """Judge one fix of each device by its accepted fix (``last``) and its candidate (``wait``)."""
    from_last_m, from_wait_m = distance_m(last, here), distance_m(wait, here)
    plain = _is_reachable(from_last_m, one=last, other=here, limits=limits)
    frozen = (here.lat == wait.lat) & (here.lon == wait.lon) & (here.time_ms - wait.time_ms < limits.frozen_ms)
    waits = (wait.time_ms != NEVER_MS) & (wait.time_ms != here.time_ms) & ~frozen
    confirms = waits & _is_reachable(from_wait_m, one=wait, other=here, limits=limits)
    repeats = here.time_ms == last.time_ms
    takes = ~repeats & (plain | confirms)
    repeats |= ~takes & (here.time_ms == wait.time_ms)
    verdicts = np.select([takes, repeats], [Verdict.ACCEPTED, Verdict.DUPLICATE], Verdict.IMPOSSIBLE_JUMP)
    came_from = np.where(plain, last.time_ms, wait.time_ms)
    is_first = came_from == NEVER_MS
    return _Round(
        verdicts=verdicts.astype(np.uint8),
        jumps=~takes & ~repeats & ~frozen,
        step_m=np.where(is_first, np.nan, np.where(plain, from_last_m, from_wait_m)),
        step_ms=np.where(is_first, np.nan, here.time_ms - came_from),
    )
