"""The code tables."""

from vola.errors import (
    CLOSE_MESSAGE_TOO_BIG,
    DISCONNECTS,
    ERRORS,
    UNSUBSCRIBES,
    Disconnect,
    HandoverFull,
    UnrecoverablePosition,
)


def test_every_code_of_the_protocol_is_there() -> None:
    assert sorted(ERRORS) == list(range(100, 114))
    assert [code for code, error in ERRORS.items() if error.temporary] == [100, 111, 113]
    assert sorted(DISCONNECTS) == [3000, 3001, 3004, 3005, 3006, 3008, *range(3010 - 1, 3015), *range(3500, 3510)]
    assert sorted(UNSUBSCRIBES) == [0, 1, 2000, 2500, 2501, 2502]


def test_a_code_says_whether_clients_come_back() -> None:
    assert {code for code, disconnect in DISCONNECTS.items() if not disconnect.reconnect} == set(range(3500, 3510))
    assert not CLOSE_MESSAGE_TOO_BIG.reconnect
    assert Disconnect(4000, "x").reconnect
    assert not Disconnect(4500, "x").reconnect
    assert {code for code, unsubscribe in UNSUBSCRIBES.items() if unsubscribe.resubscribe} == {2500, 2501, 2502}


def test_reasons_fit_a_close_frame() -> None:
    assert all(len(disconnect.reason.encode()) <= 123 for disconnect in DISCONNECTS.values())


def test_errors_say_what_happened() -> None:
    assert "abc" in str(UnrecoverablePosition("news", epoch="abc"))
    assert "7" in str(HandoverFull(limit=7))
