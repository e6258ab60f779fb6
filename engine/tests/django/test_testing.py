import subprocess
import sys

import vola.testing
from vola.core.manual_clock import ManualClock


def test_the_pytest_plugin_does_not_import_django() -> None:
    code = "import sys, vola.testing.pytest_plugin; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_name_can_be_had() -> None:
    for name in vola.testing.__all__:
        assert getattr(vola.testing, name).__name__ == name


def test_the_clock_by_hand_is_a_fixture(manual_clock: ManualClock) -> None:
    ran: list[float] = []
    manual_clock.call_later(5, lambda: ran.append(manual_clock.monotonic_s()))
    manual_clock.advance(4.9)
    assert ran == []
    manual_clock.advance(0.2)
    assert len(ran) == 1
