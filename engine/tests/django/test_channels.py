import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import override_settings

from engine.tests.django.conftest import Answer, Decision, View
from vola.core.ports import Action, Allowed, Denied
from vola.django import Channel, Delivery, SourceFrames, anyone, has_perm, register
from vola.django.calling import Caller
from vola.django.channels import ChannelRegistry, registry
from vola.django.directory import DjangoChannelDirectory
from vola.errors import (
    ERROR_INTERNAL,
    ERROR_PERMISSION_DENIED,
    ERROR_TOO_MANY_REQUESTS,
    ERROR_UNKNOWN_CHANNEL,
    ErrorReply,
)

SHORT_LIMIT = pytest.mark.parametrize("timeout_s", [0.3])


class Closed(Channel):
    pattern = "closed:{x:int}"


class Open(Channel):
    pattern = "open:{x:int}"
    x: int
    may_subscribe = anyone
    history_size = 10
    history_ttl_s = 60
    recoverable = True

    def may_publish(self, user: Any) -> bool:
        return self.x == 1

    async def may_see_presence(self, user: Any) -> bool:
        await asyncio.sleep(0)
        return self.x == 1

    may_see_history = has_perm("auth.view_group")


class Broken(Channel):
    pattern = "broken:{how}"
    how: str

    def may_subscribe(self, user: Any) -> Any:
        match self.how:
            case "raises":
                raise ValueError("a secret")
            case "hangs":
                threading.Event().wait(1)
            case "truthy":
                return "yes"
            case "coroutine":
                return asyncio.Event()
        return None

    async def may_publish(self, user: Any) -> bool:
        if self.how == "raises":
            raise ValueError("a secret")
        await asyncio.sleep(5)
        return True


@pytest.fixture
def directory(caller: Caller) -> Iterator[DjangoChannelDirectory]:
    with registry.only(Closed, Open, Broken):
        yield DjangoChannelDirectory(registry, caller=caller)


async def ask(
    directory: DjangoChannelDirectory, action: Action, channel: str, *, subject: object = None
) -> Allowed | ErrorReply:
    answer: Answer[Decision] = Answer()
    directory.authorize(action, View(subject), channel, b"", answer)
    decision = await answer.value()
    if isinstance(decision, Denied):
        assert isinstance(decision.refusal, ErrorReply)
        return decision.refusal
    return decision


@pytest.mark.parametrize("action", list(Action))
async def test_everything_is_denied_unless_granted(directory: DjangoChannelDirectory, action: Action) -> None:
    assert await ask(directory, action, "closed:1") is ERROR_PERMISSION_DENIED


async def test_a_name_of_no_class_is_unknown(directory: DjangoChannelDirectory) -> None:
    assert directory.resolve("nobody:1") is None
    assert directory.resolve("open:one") is None
    assert await ask(directory, Action.SUBSCRIBE, "nobody:1") is ERROR_UNKNOWN_CHANNEL


async def test_synchronous_functions_decide_by_typed_parameters(directory: DjangoChannelDirectory) -> None:
    assert isinstance(await ask(directory, Action.PUBLISH, "open:1"), Allowed)
    assert await ask(directory, Action.PUBLISH, "open:2") is ERROR_PERMISSION_DENIED


async def test_asynchronous_functions_decide_too(directory: DjangoChannelDirectory) -> None:
    assert isinstance(await ask(directory, Action.PRESENCE, "open:1"), Allowed)
    assert await ask(directory, Action.PRESENCE, "open:2") is ERROR_PERMISSION_DENIED


@pytest.mark.parametrize("action", [Action.SUBSCRIBE, Action.PUBLISH])
async def test_an_exception_is_logged_and_never_told(
    directory: DjangoChannelDirectory, action: Action, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "vola.django"):
        assert await ask(directory, action, "broken:raises") == ERROR_INTERNAL
    assert "a secret" in caplog.text


@pytest.mark.parametrize("action", [Action.SUBSCRIBE, Action.PUBLISH])
@SHORT_LIMIT
async def test_a_function_past_its_time_limit_answers_a_temporary_internal_error(
    directory: DjangoChannelDirectory, action: Action, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await ask(directory, action, "broken:hangs")
    assert answer == ERROR_INTERNAL
    assert isinstance(answer, ErrorReply)
    assert answer.temporary
    assert "time limit" in caplog.text


@pytest.mark.parametrize("how", ["truthy", "coroutine", "nothing"])
async def test_only_true_opens_a_channel(
    directory: DjangoChannelDirectory, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert await ask(directory, Action.SUBSCRIBE, f"broken:{how}") == ERROR_INTERNAL
    assert "only True allows" in caplog.text


@SHORT_LIMIT
async def test_an_overloaded_executor_answers_too_many_requests(directory: DjangoChannelDirectory) -> None:
    answers = await asyncio.gather(*(ask(directory, Action.SUBSCRIBE, "broken:hangs") for _ in range(10)))
    assert answers.count(ERROR_TOO_MANY_REQUESTS) > 0
    assert answers.count(ERROR_TOO_MANY_REQUESTS) + answers.count(ERROR_INTERNAL) == 10


@SHORT_LIMIT
async def test_asynchronous_functions_are_bounded_too(directory: DjangoChannelDirectory) -> None:
    answers = await asyncio.gather(*(ask(directory, Action.PUBLISH, "broken:hangs") for _ in range(10)))
    assert answers.count(ERROR_TOO_MANY_REQUESTS) == 6


@pytest.mark.django_db(transaction=True)
async def test_has_perm_asks_django(directory: DjangoChannelDirectory, user_with: Callable[..., Any]) -> None:
    entitled = await asyncio.to_thread(_and_close, user_with, "view_group", username="ada")
    other = await asyncio.to_thread(_and_close, user_with, username="bob")
    assert isinstance(await ask(directory, Action.HISTORY, "open:1", subject=entitled), Allowed)
    assert await ask(directory, Action.HISTORY, "open:1", subject=other) is ERROR_PERMISSION_DENIED
    assert await ask(directory, Action.HISTORY, "open:1", subject=AnonymousUser()) is ERROR_PERMISSION_DENIED


@pytest.mark.django_db(transaction=True)
async def test_a_revoked_permission_and_a_deactivated_user_reach_an_open_connection(
    directory: DjangoChannelDirectory, user_with: Callable[..., Any]
) -> None:
    """Django users remember their permissions; a connection that keeps one for hours would never notice."""
    user = await asyncio.to_thread(_and_close, user_with, "view_group")
    with override_settings(VOLA={"USER_MAX_AGE_S": 0}):
        assert isinstance(await ask(directory, Action.HISTORY, "open:1", subject=user), Allowed)
        await asyncio.to_thread(_and_close, user.user_permissions.clear)
        assert await ask(directory, Action.HISTORY, "open:1", subject=user) is ERROR_PERMISSION_DENIED
        assert isinstance(await ask(directory, Action.SUBSCRIBE, "open:1", subject=user), Allowed)
        await asyncio.to_thread(_and_close, type(user).objects.filter(pk=user.pk).update, is_active=False)
        assert await ask(directory, Action.SUBSCRIBE, "open:1", subject=user) is ERROR_PERMISSION_DENIED
        assert await ask(directory, Action.PRESENCE, "open:1", subject=user) is ERROR_PERMISSION_DENIED


def _and_close(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    from django.db import connections  # noqa: PLC0415  this thread's own

    try:
        return function(*args, **kwargs)
    finally:
        connections.close_all()


def test_rules_say_what_the_class_declares() -> None:
    rules = Open(x=1).rules
    assert (rules.history_size, rules.history_ttl_s, rules.recoverable, rules.presence) == (10, 60.0, True, False)
    assert rules.open_source is None


def test_a_class_with_its_own_source_offers_it() -> None:
    class Source:
        def snapshot(self) -> SourceFrames:
            return SourceFrames(1, (b"{}",))

        def changes(self, since_version: int) -> SourceFrames | None:
            return None

        def close(self) -> None:
            return None

    class Sourced(Channel):
        pattern = "sourced:{x:int}"
        delivery = Delivery.LATEST
        rate_hz = 4.0

        def open_source(self, changed: Callable[[], None]) -> Source:
            return Source()

    rules = Sourced(x=1).rules
    assert rules.delivery is Delivery.LATEST
    assert rules.rate_hz == 4.0
    assert rules.open_source is not None
    assert rules.open_source(lambda: None).snapshot().payloads == (b"{}",)


def _declare(**attributes: Any) -> type[Channel]:
    return type("Declared", (Channel,), {"pattern": "declared:{x:int}", **attributes})


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ({"pattern": ""}, "is empty"),
        ({"pattern": "a:{x:float}"}, "unknown type 'float'"),
        ({"pattern": "open:{y}"}, "overlaps 'open:{x:int}'"),
        ({"pattern": "a:{name}"}, "would hide Channel.name"),
        ({"may_subscibe": anyone}, "may_subscibe is not a permission"),
        ({"may_subscribe": True}, "may_subscribe must be a function of (self, user), not True"),
        ({"history_size": -1}, "must not be negative"),
        ({"history_size": 5}, "must both be above 0"),
        ({"recoverable": True}, "need history_size"),
        ({"delivery": Delivery.LATEST, "rate_hz": 0}, "rate_hz is 0"),
        ({"delivery": Delivery.LATEST, "history_size": 5}, "LATEST keeps no history"),
        ({"open_source": lambda self, changed: None}, "needs delivery LATEST"),
    ],
)
def test_a_class_that_cannot_be_served_is_a_problem_and_not_served(attributes: dict[str, Any], problem: str) -> None:
    own = ChannelRegistry()
    own.register(Open)
    own.register(_declare(**attributes))
    assert own.classes == (Open,)
    assert problem in str(own.problems[0])


def test_register_serves_a_class_and_gives_it_back() -> None:
    with registry.only():
        assert register(Open) is Open
        assert registry.resolve("open:3") == Open(x=3)
    assert registry.resolve("open:3") is None


def test_the_memory_of_resolved_names_is_bounded() -> None:
    with override_settings(VOLA={"RESOLUTION_CACHE_SIZE": 10}):
        own = ChannelRegistry()
        own.register(Open)
        for number in range(100):
            own.resolve(f"open:{number}")
            own.resolve(f"unknown:{number}")
        assert own._find is not None
        assert own._find.cache_info().currsize == 10  # type: ignore[attr-defined]
