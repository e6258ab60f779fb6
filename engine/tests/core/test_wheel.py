"""The timing wheel, the manual clock and the limits."""

import pytest

from vola.core.limits import Limits
from vola.core.manual_clock import ManualClock
from vola.core.wheel import Wheel
from vola.errors import ConfigurationError


class Sleeper:
    """Writes down when it was looked at; comes back every `interval_s`."""

    def __init__(self, wheel: Wheel, interval_s: float | None = None) -> None:
        self.wheel = wheel
        self.wheel_slot = 0
        self.interval_s = interval_s
        self.checked: list[float] = []
        self.victim: Sleeper | None = None

    def check_deadlines(self, now_s: float) -> float | None:
        self.checked.append(now_s)
        if self.victim is not None:
            self.wheel.remove(self.victim)
        return None if self.interval_s is None else now_s + self.interval_s


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def wheel(clock: ManualClock) -> Wheel:
    return Wheel(clock=clock, scheduler=clock, tick_s=0.25)


def test_each_waiter_is_checked_at_its_deadline(clock: ManualClock, wheel: Wheel) -> None:
    once, often = Sleeper(wheel), Sleeper(wheel, interval_s=1.0)
    wheel.place(once, 2.1)
    wheel.place(often, 1.0)
    clock.advance(3.1)
    assert once.checked == [2.25]
    assert often.checked == [1.0, 2.0, 3.0]


def test_an_empty_wheel_runs_no_timer(clock: ManualClock, wheel: Wheel) -> None:
    sleeper = Sleeper(wheel)
    wheel.place(sleeper, 1.0)
    assert clock.timer_count == 1
    clock.advance(2)
    assert clock.timer_count == 0
    wheel.place(sleeper, 3.0)
    clock.advance(2)
    assert sleeper.checked == [1.0, 3.0]


def test_a_waiter_waits_in_one_slot(clock: ManualClock, wheel: Wheel) -> None:
    sleeper = Sleeper(wheel)
    wheel.place(sleeper, 5.0)
    wheel.place_earlier(sleeper, 6.0)
    wheel.place_earlier(sleeper, 2.0)
    wheel.place(sleeper, 2.0)
    clock.advance(10)
    assert sleeper.checked == [2.0]
    wheel.place_earlier(sleeper, 11.0)
    wheel.remove(sleeper)
    wheel.remove(sleeper)
    clock.advance(10)
    assert sleeper.checked == [2.0]


def test_a_check_may_take_others_out(clock: ManualClock, wheel: Wheel) -> None:
    first, second, third = Sleeper(wheel), Sleeper(wheel), Sleeper(wheel)
    first.victim = second
    for sleeper in (first, second, third):
        wheel.place(sleeper, 1.0)
    clock.advance(2)
    assert (len(first.checked), len(second.checked), len(third.checked)) == (1, 0, 1)


def test_a_late_timer_catches_up(clock: ManualClock, wheel: Wheel) -> None:
    sleeper = Sleeper(wheel)
    wheel.place(sleeper, 1.0)
    clock._now_s = 7.0  # the loop was blocked
    clock.advance(0.25)
    assert sleeper.checked == [7.0]


def test_a_cancelled_timer_does_not_run(clock: ManualClock) -> None:
    ran: list[int] = []
    clock.call_later(1, lambda: ran.append(1)).cancel()
    clock.call_later(1, lambda: ran.append(2))
    clock.call_later(1, lambda: ran.append(3))
    clock.advance(1)
    assert ran == [2, 3]
    assert clock.wall_ms() == 1_750_000_001_000


@pytest.mark.parametrize("bad", [{"queue_max_bytes": 0}, {"ping_interval_s": -1.0}, {"pong_timeout_s": 25.0}])
def test_limits_outside_their_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Limits(**bad)  # type: ignore[arg-type]
    assert caught.value.name in str(caught.value)
