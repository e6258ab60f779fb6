"""What a restart knows: the checkpoint, what arrived after it, and the newest fixes where there is no checkpoint."""

import psycopg
import pytest
from django.db import connections

from dispatch.core.fix import Fix, Verdict
from dispatch.core.tracker import NEVER_MS
from dispatch.history.models import CheckpointColumn
from dispatch.runtime import DispatchService
from dispatch.tests.ingest.fleets import Connections, Fixture, now_ms, query, running, submit


def newest_ms(service: DispatchService, fleet: Fixture, name: str) -> int:
    slot = service.tracker.slot_of(fleet.devices[name].pk)
    assert slot is not None
    return int(service.tracker.fix_time_ms[slot])


async def test_a_restart_between_batches_goes_on_where_it_stopped(fleet: Fixture) -> None:
    at_ms = now_ms() - 60_000
    async with running() as service:
        await submit(service, [("a", Fix(at_ms, 52.5, 13.25, 3.0)), ("b", Fix(at_ms, 0.0, 0.0))])
    async with running() as service:
        assert newest_ms(service, fleet, "a") == at_ms
        assert newest_ms(service, fleet, "b") == NEVER_MS
        again = [
            ("a", Fix(at_ms, 52.5, 13.25)),
            ("a", Fix(at_ms + 1_000, 52.5, 13.25)),
            ("a", Fix(at_ms - 1, 52.5, 13.25)),
        ]
        assert await submit(service, again) == [Verdict.DUPLICATE, Verdict.ACCEPTED, Verdict.LATE]


@pytest.mark.parametrize("has_old_checkpoint", [True, False])
async def test_a_crash_loses_nothing_that_was_acknowledged(fleet: Fixture, has_old_checkpoint: bool) -> None:
    """The process dies before it saves its state; what it acknowledged is in the history and comes back from there."""
    at_ms = now_ms() - 60_000
    async with running() as service:
        await submit(service, [("a", Fix(at_ms, 52.5, 13.25)), ("b", Fix(at_ms, 52.5, 13.25))])
        if has_old_checkpoint:
            await service._save_checkpoint()
        await submit(service, [("a", Fix(at_ms + 5_000, 52.501, 13.25, 4.0)), ("a", Fix(at_ms + 3_000, 52.5, 13.25))])
        saved = await query(lambda: list(CheckpointColumn.objects.all()))
    await query(CheckpointColumn.objects.all().delete)
    await query(lambda: CheckpointColumn.objects.bulk_create(saved))
    async with running() as service:
        assert newest_ms(service, fleet, "a") == at_ms + 5_000
        assert newest_ms(service, fleet, "b") == at_ms
        assert service.tracker.speed_mps[service.tracker.slot_of(fleet.devices["a"].pk)] == 4.0


async def test_a_start_without_a_database_fails_instead_of_refusing_every_device(
    fleet: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections["default"].settings_dict, "HOST", "/nowhere")
    service = DispatchService()
    with pytest.raises(psycopg.OperationalError, match="nowhere"):
        await service.start(Connections())
    await service.stop()
