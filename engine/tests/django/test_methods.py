import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied

from engine.tests.django.conftest import Reply, View
from vola.django import RpcCall, RpcError, rpc
from vola.django.calling import Caller
from vola.django.methods import DjangoRpcDirectory, methods
from vola.errors import (
    ERROR_BAD_REQUEST,
    ERROR_INTERNAL,
    ERROR_METHOD_NOT_FOUND,
    ERROR_PERMISSION_DENIED,
    ERROR_TOO_MANY_REQUESTS,
    ErrorReply,
)

SHORT_LIMIT = pytest.mark.parametrize("timeout_s", [0.3])


class Order(msgspec.Struct):
    number: int


class SignedIn:
    """A subject that is signed in and has one permission; no Django user, as a project's own authenticator may
    answer."""

    is_authenticated = True

    def has_perm(self, permission: str) -> bool:
        return permission == "orders.add_order"


@pytest.fixture
def directory(caller: Caller) -> Iterator[DjangoRpcDirectory]:
    with methods.empty():
        yield DjangoRpcDirectory(methods, caller=caller)


async def call(
    directory: DjangoRpcDirectory, method: str, data: bytes = b"", *, subject: object = None
) -> bytes | ErrorReply:
    reply = Reply()
    directory.call(View(SignedIn() if subject is None else subject), method, data, reply)
    return await reply.answered.value()


async def test_an_unknown_method_is_not_found(directory: DjangoRpcDirectory) -> None:
    assert await call(directory, "nothing") is ERROR_METHOD_NOT_FOUND


async def test_a_plain_method_gets_the_user_and_typed_data_off_the_loop(directory: DjangoRpcDirectory) -> None:
    threads: list[int] = []

    @rpc("order")
    def order(user: Any, data: Order) -> dict[str, Any]:
        threads.append(threading.get_ident())
        return {"number": data.number + 1, "user": type(user).__name__}

    assert await call(directory, "order", b'{"number":1}') == b'{"number":2,"user":"SignedIn"}'
    assert threads != [threading.get_ident()]


async def test_an_asynchronous_method_runs_on_the_loop(directory: DjangoRpcDirectory) -> None:
    @rpc("order", permission="orders.add_order")
    async def order(user: Any, data: Order) -> int:
        await asyncio.sleep(0)
        return threading.get_ident()

    assert await call(directory, "order", b'{"number":1}') == str(threading.get_ident()).encode()


@pytest.mark.parametrize("data", [b"", b"[]", b'{"number":"1"}', b"{}", b"{"])
async def test_data_of_another_shape_is_a_bad_request(directory: DjangoRpcDirectory, data: bytes) -> None:
    @rpc("order")
    def order(user: Any, data: Order) -> None:
        raise AssertionError("must not be called")

    assert await call(directory, "order", data) is ERROR_BAD_REQUEST


async def test_a_method_without_annotations_gets_decoded_json_and_may_answer_nothing(
    directory: DjangoRpcDirectory,
) -> None:
    got: list[Any] = []

    @rpc("note")
    def note(user, data):  # type: ignore[no-untyped-def]
        got.append(data)

    assert await call(directory, "note", b'{"a":[1]}') == b"null"
    assert await call(directory, "note") == b"null"
    assert got == [{"a": [1]}, None]


async def test_callers_must_be_signed_in_unless_the_method_says_otherwise(directory: DjangoRpcDirectory) -> None:
    @rpc("private")
    def private(user: Any, data: Any) -> str:
        return "private"

    @rpc("public", anonymous=True)
    def public(user: Any, data: Any) -> str:
        return "public"

    device = object()
    for subject in (AnonymousUser(), device):
        assert await call(directory, "private", subject=subject) is ERROR_PERMISSION_DENIED
        assert await call(directory, "public", subject=subject) == b'"public"'
    assert await call(directory, "private") == b'"private"'


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_permission_is_asked_before_the_method_runs(directory: DjangoRpcDirectory, asynchronous: bool) -> None:
    ran: list[str] = []

    def plain(user: Any, data: Any) -> None:
        ran.append("plain")

    async def coroutine(user: Any, data: Any) -> None:
        ran.append("coroutine")

    function: Callable[..., Any] = coroutine if asynchronous else plain
    rpc("denied", permission="orders.delete_order")(function)
    rpc("granted", permission="orders.add_order")(function)
    assert await call(directory, "denied") is ERROR_PERMISSION_DENIED
    assert ran == []
    assert await call(directory, "granted") == b"null"
    assert len(ran) == 1


async def test_a_methods_own_error_reaches_the_caller(directory: DjangoRpcDirectory) -> None:
    @rpc("full")
    def full(user: Any, data: Any) -> None:
        raise RpcError(1200, "fleet is full", temporary=True)

    @rpc("forbidden")
    def forbidden(user: Any, data: Any) -> None:
        raise PermissionDenied

    assert await call(directory, "full") == ErrorReply(1200, "fleet is full", temporary=True)
    assert await call(directory, "forbidden") is ERROR_PERMISSION_DENIED


@pytest.mark.parametrize("code", [0, 100, 399, 2000])
def test_an_error_code_outside_the_applications_range_is_refused(code: int) -> None:
    with pytest.raises(ValueError, match="400-1999"):
        RpcError(code, "no")


async def test_an_exception_is_logged_and_never_told(
    directory: DjangoRpcDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    @rpc("fails")
    def fails(user: Any, data: Any) -> None:
        raise ValueError("a secret")

    @rpc("unencodable")
    def unencodable(user: Any, data: Any) -> object:
        return object()

    with caplog.at_level(logging.ERROR, "vola.django"):
        assert await call(directory, "fails") is ERROR_INTERNAL
        assert await call(directory, "unencodable") is ERROR_INTERNAL
    assert "a secret" in caplog.text


@SHORT_LIMIT
async def test_a_method_past_its_time_limit_answers_internal_error_and_too_many_are_refused(
    directory: DjangoRpcDirectory,
) -> None:
    @rpc("hangs")
    def hangs(user: Any, data: Any) -> None:
        threading.Event().wait(1)

    answers = await asyncio.gather(*(call(directory, "hangs") for _ in range(9)))
    assert answers.count(ERROR_INTERNAL) >= 4
    assert answers.count(ERROR_TOO_MANY_REQUESTS) == 9 - answers.count(ERROR_INTERNAL) > 0


async def test_a_deferred_method_answers_when_it_can(directory: DjangoRpcDirectory) -> None:
    calls: list[RpcCall] = []

    @rpc("report", deferred=True)
    def report(call: RpcCall) -> None:
        calls.append(call)

    reply = Reply()
    view = View(SignedIn())
    directory.call(view, "report", b'{"a":1}', reply)
    assert (calls[0].client, calls[0].method, calls[0].data) == (view, "report", b'{"a":1}')
    calls[0].result(b'{"b":2}')
    assert await reply.answered.value() == b'{"b":2}'


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [(103, "", ERROR_PERMISSION_DENIED), (404, "no such order", ErrorReply(404, "no such order"))],
)
async def test_a_deferred_method_answers_errors_of_the_protocol_and_of_the_application(
    directory: DjangoRpcDirectory, code: int, text: str, expected: ErrorReply
) -> None:
    @rpc("report", deferred=True)
    def report(call: RpcCall) -> None:
        call.error(code, text)

    assert await call(directory, "report") == expected


async def test_a_deferred_method_that_fails_is_answered_all_the_same(
    directory: DjangoRpcDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    @rpc("report", deferred=True)
    def report(call: RpcCall) -> None:
        raise ValueError("a secret")

    assert await call(directory, "report") is ERROR_INTERNAL
    assert "a secret" in caplog.text


@pytest.mark.parametrize(
    ("options", "function", "problem"),
    [
        ({"deferred": True}, lambda user, data: None, "must take (call)"),
        ({}, lambda call: None, "must take (user, data)"),
        ({"deferred": True, "permission": "a.b"}, lambda call: None, "decides by call.client itself"),
        ({"permission": "a.b", "anonymous": True}, lambda user, data: None, "exclude each other"),
    ],
)
def test_a_method_that_cannot_be_served_is_a_problem(
    options: dict[str, Any], function: Callable[..., Any], problem: str
) -> None:
    with methods.empty():
        rpc("method", **options)(function)
        assert methods.names == ()
        assert problem in str(methods.problems[0])


def test_a_name_is_given_once() -> None:
    def first(user: Any, data: Any) -> None:
        return None

    def second(user: Any, data: Any) -> None:
        return None

    with methods.empty():
        rpc("method")(first)
        rpc("method")(second)
        assert "already registered by" in str(methods.problems[0])
