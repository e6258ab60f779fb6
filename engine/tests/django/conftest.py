"""Fixtures of the Django door's tests. They run under any project's settings that have auth, sessions and
vola.django."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from vola.core.ports import Allowed, ConnectAttempt, Denied, Handshake
from vola.django.calling import Caller
from vola.django.executor import DjangoExecutor
from vola.errors import ErrorReply


@dataclass
class View:
    """A connected client, as the engine shows it."""

    subject: object = None
    client_id: str = "c1"
    user_id: str = "1"
    is_open: bool = True


class Answer[T]:
    """A callback that remembers what it was called with, and can be waited for."""

    def __init__(self) -> None:
        self._future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.count = 0

    def __call__(self, value: T) -> None:
        self.count += 1
        if not self._future.done():
            self._future.set_result(value)

    async def value(self) -> T:
        return await asyncio.wait_for(self._future, 20)


@dataclass
class Reply:
    """An RpcReply that can be waited for."""

    answered: Answer[bytes | ErrorReply] = field(default_factory=Answer)

    def result(self, data: bytes) -> None:
        self.answered(data)

    def error(self, error: ErrorReply) -> None:
        self.answered(error)


type Decision = Allowed | Denied


@pytest.fixture
def timeout_s() -> float:
    """The time limit of calls; tests about it set a short one by parametrizing this name."""
    return 10.0


@pytest.fixture
async def executor(timeout_s: float) -> AsyncIterator[DjangoExecutor]:
    started = DjangoExecutor(asyncio.get_running_loop(), threads=2, queue=4, timeout_s=timeout_s)
    yield started
    started.stop(wait_s=2)


@pytest.fixture
async def caller(executor: DjangoExecutor, timeout_s: float) -> AsyncIterator[Caller]:
    started = Caller(asyncio.get_running_loop(), executor=executor, tasks_max=4, timeout_s=timeout_s)
    yield started
    started.stop()


@pytest.fixture
def attempt() -> Callable[..., ConnectAttempt]:
    """Builds a connect attempt with these handshake headers."""

    def build(data: bytes = b"", **headers: str) -> ConnectAttempt:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ConnectAttempt("c1", token="", data=data, name="", version="", handshake=Handshake(headers=named))

    return build


@pytest.fixture
def user_with(db: None, django_user_model: Any) -> Callable[..., Any]:
    """Creates a user with these permissions of django.contrib.auth, e.g. "view_group"."""
    from django.contrib.auth.models import Permission  # noqa: PLC0415  needs Django to be set up

    def create(*codenames: str, **fields: Any) -> Any:
        user = django_user_model.objects.create_user(username=fields.pop("username", "ada"), **fields)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        return user

    return create
