"""RPC methods: what a project answers to its clients' calls, and the engine's RpcDirectory over them.

Two styles. Plain: `def method(user, data) -> jsonable`, in the executor (or `async def` on the loop), permission and
typed data checked before. Deferred: `def method(call: RpcCall) -> None` runs on the loop, must not block, and answers
when it can; for hot paths that gather work of many clients.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, get_type_hints

import msgspec
from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied

from vola.core.ports import ClientView, RpcReply
from vola.django.calling import Caller, is_async, refusal_for
from vola.django.encoding import encode_json
from vola.django.errors import RegistrationInvalid, RpcError, application_error
from vola.django.executor import Outcome
from vola.errors import (
    ERROR_BAD_REQUEST,
    ERROR_METHOD_NOT_FOUND,
    ERROR_PERMISSION_DENIED,
    ERRORS,
    ErrorReply,
)

__all__ = ["DjangoRpcDirectory", "Method", "MethodRegistry", "RpcCall", "methods", "rpc"]

logger = logging.getLogger("vola.django")


class RpcCall:
    """One call in the deferred style; answer once, now or later, on the loop."""

    __slots__ = ("_reply", "client", "data", "method")

    def __init__(self, client: ClientView, *, method: str, data: bytes, reply: RpcReply) -> None:
        self.client = client
        self.method = method
        self.data = data
        self._reply = reply

    def result(self, data: bytes = b"") -> None:
        """Answer with raw JSON."""
        self._reply.result(data)

    def error(self, code: int, message: str = "", *, temporary: bool = False) -> None:
        """Answer with an error: a code of the protocol (its own text is used), or 400-1999 with a text.

        Raises:
            ValueError: neither of both.
        """
        known = ERRORS.get(code)
        self._reply.error(known if known is not None else application_error(code, message, temporary=temporary))


@dataclass(frozen=True)
class Method:
    """One registered method.

    `permission`: a Django permission, or "" for any signed-in user; `anonymous`: nobody is asked anything.
    """

    name: str
    function: Callable[..., Any]
    deferred: bool
    permission: str
    anonymous: bool

    @property
    def label(self) -> str:
        return f"{self.function.__module__}.{self.function.__qualname__}"


class MethodRegistry:
    """The registered methods by name. What cannot be served becomes a problem, which the system checks report."""

    def __init__(self) -> None:
        self._methods: dict[str, Method] = {}
        self._problems: list[RegistrationInvalid] = []

    @property
    def problems(self) -> tuple[RegistrationInvalid, ...]:
        """Why some methods are not served."""
        return tuple(self._problems)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that are served, sorted."""
        return tuple(sorted(self._methods))

    def add(self, method: Method) -> None:
        """Serve a method, or note why not."""
        problem = self._problem(method)
        if problem:
            self._problems.append(RegistrationInvalid(method.label, problem=problem))
        else:
            self._methods[method.name] = method

    def find(self, name: str) -> Method | None:
        """The method of this name, None if there is none."""
        return self._methods.get(name)

    @contextmanager
    def empty(self) -> Iterator[None]:
        """Start from no methods inside the block; for tests."""
        before = self._methods, self._problems
        self._methods, self._problems = {}, []
        try:
            yield
        finally:
            self._methods, self._problems = before

    def _problem(self, method: Method) -> str:
        if not method.name:
            return "the method's name is empty"
        existing = self._methods.get(method.name)
        if existing is not None and existing.label != method.label:
            return f"method {method.name!r} is already registered by {existing.label}"
        if method.deferred and (method.permission or method.anonymous):
            return "a deferred method decides by call.client itself; permission and anonymous are for plain methods"
        if method.deferred and is_async(method.function):
            return "a deferred method is a plain function that does not block"
        if method.permission and method.anonymous:
            return "permission and anonymous exclude each other"
        wanted = 1 if method.deferred else 2
        parameters = inspect.signature(method.function).parameters
        if len(parameters) != wanted:
            return f"must take {'(call)' if method.deferred else '(user, data)'}, takes {len(parameters)} parameters"
        return ""


methods: Final = MethodRegistry()


def rpc[F: Callable[..., Any]](
    name: str, *, deferred: bool = False, permission: str = "", anonymous: bool = False
) -> Callable[[F], F]:
    """Serve a function as the method `name`.

    Args:
        name: what clients call, e.g. "dispatch.report_fix".
        deferred: the function takes one RpcCall, runs on the loop and answers by itself.
        permission: plain style: the Django permission a caller needs; without it any signed-in user may call.
        anonymous: plain style: callers need not be signed in.
    """

    def add(function: F) -> F:
        methods.add(Method(name, function, deferred=deferred, permission=permission, anonymous=anonymous))
        return function

    return add


class DjangoRpcDirectory:
    """Runs the registered methods for the engine."""

    def __init__(self, registry: MethodRegistry, *, caller: Caller) -> None:
        self._registry = registry
        self._caller = caller

    def call(self, client: ClientView, method: str, data: bytes, reply: RpcReply) -> None:
        """Run a method, or answer 104."""
        found = self._registry.find(method)
        if found is None:
            reply.error(ERROR_METHOD_NOT_FOUND)
        elif found.deferred:
            _call_deferred(found, RpcCall(client, method=method, data=data, reply=reply), reply)
        else:
            prepared = _prepare_async(found, data) if is_async(found.function) else _prepare(found, data)
            self._caller.call(prepared, subject=client.subject, done=lambda outcome: _answer(outcome, found, reply))


def _call_deferred(method: Method, call: RpcCall, reply: RpcReply) -> None:
    try:
        method.function(call)
    except Exception as error:  # noqa: BLE001  logged and answered
        reply.error(refusal_for(error, doing=f"method {method.name}"))


def _prepare(method: Method, data: bytes) -> Callable[[Any], bytes]:
    def run(user: Any) -> bytes:
        _check_permission(method, user)
        return encode_json(method.function(user, _decode(method, data)))

    return run


def _prepare_async(method: Method, data: bytes) -> Callable[[Any], Awaitable[bytes]]:
    async def run(user: Any) -> bytes:
        if method.permission:
            await sync_to_async(_check_permission)(method, user)
        else:
            _check_permission(method, user)
        return encode_json(await method.function(user, _decode(method, data)))

    return run


def _check_permission(method: Method, user: Any) -> None:
    if method.anonymous:
        return
    if getattr(user, "is_authenticated", False) is not True:
        raise PermissionDenied
    if method.permission and user.has_perm(method.permission) is not True:
        raise PermissionDenied


class _UndecodableData(Exception):  # noqa: N818  named for what happened
    """The caller's data is no JSON, or not of the type that the method declares."""


def _decode(method: Method, data: bytes) -> Any:
    expected = get_type_hints(method.function).get(next(reversed(inspect.signature(method.function).parameters)), Any)
    if expected is bytes:
        return data
    try:
        return msgspec.json.decode(data or b"null", type=expected)
    except msgspec.MsgspecError as error:
        raise _UndecodableData(str(error)) from error


def _answer(outcome: Outcome, method: Method, reply: RpcReply) -> None:
    result, error = outcome
    if error is None:
        assert isinstance(result, bytes)
        reply.result(result)
    else:
        reply.error(_error_reply(error, method))


def _error_reply(error: BaseException, method: Method) -> ErrorReply:
    if isinstance(error, RpcError):
        return error.reply
    if isinstance(error, PermissionDenied):
        return ERROR_PERMISSION_DENIED
    if isinstance(error, _UndecodableData):
        logger.info("Method %s was called with data it does not take: %s", method.name, error)
        return ERROR_BAD_REQUEST
    return refusal_for(error, doing=f"method {method.name}")
