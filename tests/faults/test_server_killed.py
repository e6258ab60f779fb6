"""A server that dies takes nothing with it that it acknowledged.

The story: a device forgets a fix when the server says that it has it. If the server dies a moment later and the fix
was only in its memory, the fix is gone for good and nobody ever notices. So the server answers after the commit, and
this test kills it.
"""

import json
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from tests.running import MANAGE, query, start_command
from vola.testing import run_server

pytestmark = [pytest.mark.faults]

KILL_AFTER_COUNT = 400
WAIT_S = 30


def acknowledged(journal: Path) -> set[tuple[str, int]]:
    """Device and fix time (ms) of every acknowledged fix that the journal holds."""
    if not journal.exists():
        return set()
    whole, _, _ = journal.read_bytes().rpartition(b"\n")
    entries = (json.loads(line) for line in whole.splitlines())
    return {
        (entry["device"], round(datetime.fromisoformat(entry["location"]["timestamp"]).timestamp() * 1000))
        for entry in entries
    }


def stored(environment: Mapping[str, str]) -> Counter[tuple[str, int]]:
    """How often each device and fix time (ms) is in the history or the quarantine."""
    rows = query(
        environment,
        "SELECT unique_id, (extract(epoch FROM fix_time) * 1000)::bigint FROM fleet_device JOIN ("
        " SELECT device_id, fix_time FROM history_fix"
        " UNION ALL SELECT device_id, fix_time FROM history_quarantinedfix) fixes ON fixes.device_id = fleet_device.id",
    )
    return Counter((unique_id, int(time_ms)) for unique_id, time_ms in rows)


def wait_for_acknowledged(journal: Path, *, count: int) -> None:
    give_up_s = time.monotonic() + WAIT_S
    while len(acknowledged(journal)) < count:
        assert time.monotonic() < give_up_s, f"only {len(acknowledged(journal))} fixes were acknowledged"
        time.sleep(0.02)


def test_a_killed_server_loses_no_acknowledged_fix_and_the_replay_goes_on(
    environment: dict[str, str], recording: Path, tmp_path: Path
) -> None:
    journal, log = tmp_path / "journal", tmp_path / "replay.log"
    with run_server(manage=MANAGE, env=environment) as first:
        options = ["--speed", "20", "--fleet", "Taxis", "--url", first.url, "--journal", str(journal)]
        replay = start_command("replay", str(recording), *options, environment=environment, log=log)
        with replay as process:
            wait_for_acknowledged(journal, count=KILL_AFTER_COUNT)
            first.kill()
            promised = acknowledged(journal)
            assert KILL_AFTER_COUNT <= len(promised) < 2_000, "the kill must come in the middle of the replay"
            assert promised <= set(stored(environment))
            with run_server(manage=MANAGE, env=environment, port=first.port):
                assert process.wait(60) == 0, log.read_text()
    everything = stored(environment)
    assert len(everything) == 2_000
    assert set(everything.values()) == {1}, "every fix is stored once, although some were sent again"
    assert acknowledged(journal) == set(everything)
    assert "acknowledged       2,000" in log.read_text()
    ((speed, fleet_at),) = query(environment, "SELECT clock_speed, clock_anchor_fleet_at FROM fleet_fleet")
    assert speed == 0, "the fleet's clock holds still where the recording ends"
    assert fleet_at.timestamp() == 1_212_710_499
