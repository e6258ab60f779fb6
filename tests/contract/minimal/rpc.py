"""One method for each way to answer."""

from typing import Any

import msgspec

from vola.django import RpcCall, RpcError, rpc


class Addition(msgspec.Struct):
    """What `add` takes."""

    a: int
    b: int


@rpc("add")
def add(user: Any, data: Addition) -> dict[str, Any]:
    """Plain and typed."""
    return {"sum": data.a + data.b, "user": user.get_username()}


@rpc("add_async")
async def add_async(user: Any, data: Addition) -> int:
    """A coroutine."""
    return data.a + data.b


@rpc("staff", permission="auth.view_group")
def staff(user: Any, data: Any) -> str:
    """For a permission."""
    return "welcome"


@rpc("full")
def full(user: Any, data: Any) -> None:
    """An error of the application."""
    raise RpcError(1200, "fleet is full")


@rpc("broken")
def broken(user: Any, data: Any) -> None:
    """A failure of ours."""
    raise RuntimeError("a secret")


@rpc("echo", deferred=True)
def echo(call: RpcCall) -> None:
    """Deferred: answers with what it was given."""
    call.result(call.data)
