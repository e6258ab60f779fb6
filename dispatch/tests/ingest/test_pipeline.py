"""The group commit: verdicts, order, duplicates, bounds, and answers only after the database has it."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import override_settings

from dispatch.core.fix import Fix, Verdict
from dispatch.core.fix_time import GPS_ROLLOVER_MS
from dispatch.fleet import services
from dispatch.history.models import QuarantinedFix, StoredFix
from dispatch.ingest.errors import OVERLOADED, STORAGE_UNAVAILABLE, UNSTORABLE
from dispatch.tests.ingest.fleets import Fixture, now_ms, query, running, submit, until

ACCEPTED, LATE, DUPLICATE = Verdict.ACCEPTED, Verdict.LATE, Verdict.DUPLICATE


async def stored() -> list[tuple[int, float, bool]]:
    """Fix times, latitudes and lateness of all stored fixes, by time."""

    def read() -> list[tuple[int, float, bool]]:
        rows = StoredFix.objects.order_by("fix_time").values_list("fix_time", "lat", "is_late")
        return [(round(at.timestamp() * 1000), lat, is_late) for at, lat, is_late in rows]

    return await query(read)


async def quarantined() -> list[str]:
    return await query(lambda: sorted(QuarantinedFix.objects.values_list("reason", flat=True)))


async def test_an_answered_fix_is_in_the_database_and_on_the_map(fleet: Fixture) -> None:
    at_ms = now_ms()
    async with running() as service:
        assert await submit(service, [("a", Fix(at_ms, 52.5, 13.25, 3.0))]) == [ACCEPTED]
        assert await stored() == [(at_ms, 52.5, False)]
        slot = service.tracker.slot_of(fleet.devices["a"].pk)
        assert slot is not None
        assert (service.tracker.lat[slot], service.tracker.fix_time_ms[slot]) == (52.5, at_ms)


async def test_a_backlog_sent_newest_first_fills_the_history_and_never_moves_the_marker_back(fleet: Fixture) -> None:
    at_ms = now_ms() - 60_000
    backlog = [("a", Fix(at_ms + n * 1_000, 52.5 + n / 1e5, 13.25)) for n in reversed(range(20))]
    async with running() as service:
        outcomes = await submit(service, backlog[:10]) + await submit(service, backlog[10:])
        slot = service.tracker.slot_of(fleet.devices["a"].pk)
        assert service.tracker.fix_time_ms[slot] == at_ms + 19_000
    assert [lat for _, lat, _ in await stored()] == [52.5 + n / 1e5 for n in range(20)]
    assert all(outcome in (ACCEPTED, LATE) for outcome in outcomes)
    assert outcomes[10:] == [LATE] * 10


async def test_duplicates_inside_and_across_batches_are_acknowledged_and_stored_once(fleet: Fixture) -> None:
    at_ms = now_ms() - 10_000
    one, two = Fix(at_ms, 52.5, 13.25), Fix(at_ms + 1_000, 52.5, 13.25)
    async with running() as service:
        first = await submit(service, [("a", one), ("a", one), ("a", two), ("b", one)])
        assert Counter(first) == {ACCEPTED: 3, DUPLICATE: 1}
        assert await submit(service, [("a", two), ("a", one), ("a", one)]) == [DUPLICATE] * 3
    assert len(await stored()) == 3


async def test_impossible_fixes_are_acknowledged_and_quarantined_with_their_reasons(fleet: Fixture) -> None:
    at_ms = now_ms()
    cases = {
        Verdict.NULL_ISLAND: Fix(at_ms, 0.0, 0.0),
        Verdict.OUT_OF_RANGE: Fix(at_ms + 1, 91.0, 13.0),
        Verdict.IN_FUTURE: Fix(at_ms + 3_600_000, 52.5, 13.25),
        Verdict.TOO_OLD: Fix(at_ms - 40 * 86_400_000, 52.5, 13.25),
        Verdict.NO_POSITION: Fix(at_ms + 2, None, None),
    }
    async with running() as service:
        for _ in range(2):  # sent again, they are not kept twice
            assert await submit(service, [("a", fix) for fix in cases.values()]) == list(cases)
        counts = service.snapshot().quarantined
    assert await stored() == []
    assert await quarantined() == sorted(verdict.name.lower() for verdict in cases)
    assert counts["null_island"] == 2


async def test_nonsense_in_optional_fields_becomes_unknown_instead_of_failing_the_batch(fleet: Fixture) -> None:
    nonsense = Fix(now_ms(), 52.5, 13.25, 1e300, -400.0, float("inf"), float("nan"), 1e9)
    async with running() as service:
        assert await submit(service, [("a", nonsense), ("b", Fix(now_ms(), 1.0, 1.0))]) == [ACCEPTED, ACCEPTED]


async def test_a_fix_without_a_time_was_made_when_it_arrived(fleet: Fixture) -> None:
    before_ms = now_ms()
    async with running() as service:
        assert await submit(service, [("a", Fix(None, 52.5, 13.25))]) == [ACCEPTED]
    assert before_ms <= (await stored())[0][0] <= now_ms()


async def test_a_missed_week_rollover_is_repaired_before_it_is_judged(fleet: Fixture) -> None:
    at_ms = now_ms() - 1_000
    async with running() as service:
        assert await submit(service, [("a", Fix(at_ms - GPS_ROLLOVER_MS, 52.5, 13.25))]) == [ACCEPTED]
    assert [at for at, _, _ in await stored()] == [at_ms]


async def test_a_replay_is_judged_by_its_fleets_clock(fleet: Fixture) -> None:
    in_2008 = datetime(2008, 6, 6, 12, tzinfo=UTC)
    now = datetime.now(UTC)
    await query(lambda: services.set_fleet_clock(fleet.fleet, wall_at=now, fleet_at=in_2008, speed=120.0))
    at_ms = round(in_2008.timestamp() * 1000)
    async with running() as service:
        outcomes = await submit(
            service,
            [("a", Fix(at_ms, 37.7, -122.4)), ("b", Fix(now_ms(), 37.7, -122.4)), ("b", Fix(None, 37.7, -122.4))],
        )
    assert outcomes == [ACCEPTED, Verdict.IN_FUTURE, ACCEPTED]
    assert all(at < at_ms + 3_600_000 for at, _, _ in await stored())


async def test_a_fleet_at_the_end_of_time_harms_no_other_fleet(fleet: Fixture) -> None:
    """The partition of the calendar's last day has no upper bound, so a batch with one such fix was refused whole."""
    end = datetime(9999, 12, 31, 12, tzinfo=UTC)
    other = await query(lambda: services.create_fleet("Time travellers"))
    await query(lambda: services.register_device(other, unique_id="traveller", id_only=True))
    await query(lambda: services.set_fleet_clock(other, wall_at=datetime.now(UTC), fleet_at=end))
    late_ms = round(end.timestamp() * 1000)
    async with running() as service:
        fixes = [("traveller", Fix(late_ms, 1.0, 1.0)), ("traveller", Fix(None, 1.0, 1.0)), ("a", Fix(None, 1.0, 1.0))]
        assert await submit(service, fixes) == [ACCEPTED, DUPLICATE, ACCEPTED]


async def test_a_fix_that_the_database_refuses_is_found_and_its_neighbours_are_stored(fleet: Fixture) -> None:
    """One row that the database did not take made the ingest refuse batch and queue, as if in an outage."""
    at_ms = now_ms()
    fixes = [(f"legacy-{n}", Fix(at_ms, 50.0 + n, 13.25)) for n in range(10)]
    await query(lambda: _alter("ADD CONSTRAINT no_seven CHECK (lat <> 57)"))
    try:
        async with running() as service:
            outcomes = await submit(service, fixes)
            snapshot = service.snapshot()
    finally:
        await query(lambda: _alter("DROP CONSTRAINT no_seven"))
    assert outcomes == [UNSTORABLE if n == 7 else ACCEPTED for n in range(10)]
    assert [lat for _, lat, _ in await stored()].count(57.0) == 0
    assert len(await stored()) == 9
    assert (snapshot.refused, snapshot.waiting, snapshot.is_storage_available) == ({"unstorable": 1}, 0, True)


def _alter(change: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE history_fix {change}")


async def test_many_devices_at_once_with_shuffled_duplicates_end_with_each_moment_once(fleet: Fixture) -> None:
    at_ms = now_ms() - 120_000
    sent = [(f"legacy-{n % 10}", Fix(at_ms + n // 10 * 1_000, 52.5 + n / 1e6, 13.25)) for n in range(1_000)]
    shuffled = sent + sent[::3]
    random.Random(7).shuffle(shuffled)
    with override_settings(DISPATCH={"INGEST_BATCH_FIXES": 97}):
        async with running() as service:
            outcomes = Counter(await submit(service, shuffled))
            newest = {
                name: service.tracker.fix_time_ms[service.tracker.slot_of(device.pk)]
                for name, device in fleet.devices.items()
                if name.startswith("legacy")
            }
    assert outcomes[DUPLICATE] == len(sent[::3])
    assert outcomes[ACCEPTED] + outcomes[LATE] == len(sent)
    assert len(await stored()) == len(sent)
    assert set(newest.values()) == {at_ms + 99_000}


async def test_a_full_queue_refuses_at_once_and_keeps_what_it_took(fleet: Fixture) -> None:
    with override_settings(DISPATCH={"INGEST_QUEUE_FIXES": 1_000, "INGEST_BATCH_FIXES": 1_000}):
        async with running() as service:
            at_ms = now_ms() - 2_000_000
            outcomes = await submit(service, [("a", Fix(at_ms + n * 1_000, 52.5, 13.25)) for n in range(1_500)])
    assert outcomes[1_000:] == [OVERLOADED] * 500
    assert len(await stored()) == 1_000


async def test_stopping_commits_what_waits_and_refuses_what_comes_later(fleet: Fixture) -> None:
    async with running() as service:
        device = service.registry.find("a")
        assert device is not None
        outcomes: list[object] = []
        service.pipeline.submit(device, Fix(now_ms(), 52.5, 13.25), outcomes.append)
        await service.pipeline.stop()
        service.pipeline.submit(device, Fix(now_ms(), 52.5, 13.25), outcomes.append)
    assert outcomes == [ACCEPTED, STORAGE_UNAVAILABLE]
    assert len(await stored()) == 1


async def test_a_device_deactivated_while_its_fix_waits_is_told_so_and_the_others_are_stored(fleet: Fixture) -> None:
    with override_settings(DISPATCH={"INGEST_BATCH_WAIT_MS": 1_000}):
        async with running() as service:
            waiting = asyncio.create_task(
                submit(service, [("a", Fix(now_ms(), 52.5, 13.25)), ("b", Fix(now_ms(), 52.5, 13.25))])
            )
            await query(lambda: services.deactivate([fleet.devices["a"]]))
            await until(lambda: not service.registry.find("a").is_active)  # type: ignore[union-attr]
            refused, accepted = await waiting
    assert getattr(refused, "code", "") == "device_inactive"
    assert accepted == ACCEPTED


def _fail(_: object) -> None:
    raise ZeroDivisionError


async def test_an_answer_that_fails_does_not_keep_the_others_from_theirs(
    fleet: Fixture, caplog: pytest.LogCaptureFixture
) -> None:
    async with running() as service:
        device = service.registry.find("a")
        assert device is not None
        service.pipeline.submit(device, Fix(now_ms(), 52.5, 13.25), _fail)
        assert await submit(service, [("b", Fix(now_ms(), 52.5, 13.25))]) == [ACCEPTED]
    assert "Answering a fix failed" in caplog.text


async def test_the_snapshot_counts_what_came_and_what_became_of_it(fleet: Fixture) -> None:
    at_ms = now_ms() - 5_000
    async with running() as service:
        await submit(service, [("a", Fix(at_ms, 52.5, 13.25))])
        await submit(service, [("a", Fix(at_ms, 52.5, 13.25)), ("a", Fix(at_ms - 1_000, 52.5, 13.25))])
        snapshot = service.snapshot()
        rate = service.counters.fixes_per_s(0, now_s=asyncio.get_running_loop().time())
    assert (snapshot.received, snapshot.acknowledged) == (3, 3)
    assert (snapshot.accepted, snapshot.late, snapshot.duplicate, snapshot.waiting) == (1, 1, 1, 0)
    assert snapshot.is_storage_available
    assert 0 < rate <= 3
