# ruff: noqa: N818  (exceptions are named for what happened)
"""What the Django door raises, below the engine's own root.

vola.errors.VolaError
├── NodeNotRunning            publish() in a process that runs no node
├── PublishRefused            (the engine's) publish() was given something that cannot be published
│   ├── UnknownChannel        (the engine's) no registered channel class matches the name
│   ├── PayloadTooLarge       the encoded data exceeds PAYLOAD_BYTES_MAX
│   └── PayloadInvalid        the data is not JSON-encodable, or not the channel's declared type
├── HandoverFull              (the engine's) publications arrive faster than the loop takes them
├── PatternInvalid            a channel pattern, or a value for one of its parameters, is not acceptable
├── RegistrationInvalid       a channel class or method that cannot be registered: conflict, typo, bad option
├── ExecutorOverloaded        the bounded executor is full (answered 111 to clients)
├── ExecutorTimeout           a Django function ran past its time limit (answered 100 to clients)
└── RpcError                  raised *by* a method to answer its caller with a code of the application's range

Only RpcError's own code reaches a client; everything else is logged and answered with a generic one.
"""

from __future__ import annotations

from vola.errors import ErrorReply, HandoverFull, PublishRefused, UnknownChannel, VolaError

__all__ = [
    "ExecutorOverloaded",
    "ExecutorTimeout",
    "HandoverFull",
    "NodeNotRunning",
    "PatternInvalid",
    "PayloadInvalid",
    "PayloadTooLarge",
    "PublishRefused",
    "RegistrationInvalid",
    "RpcError",
    "UnknownChannel",
    "VolaError",
    "application_error",
]

# The range of reply codes that the protocol leaves to applications, both ends included.
APPLICATION_CODE_MIN = 400
APPLICATION_CODE_MAX = 1999


class NodeNotRunning(VolaError):
    """publish() was called in a process in which no node runs, so nobody could ever receive the publication."""

    code = "node_not_running"

    def __str__(self) -> str:
        return (
            "No Vola node runs in this process, so the publication would reach nobody. Publish from the process "
            "started by `manage.py vola serve`; in tests use vola.testing.capture_published()."
        )


class PayloadTooLarge(PublishRefused):
    """The encoded payload exceeds VOLA["PAYLOAD_BYTES_MAX"]."""

    code = "payload_too_large"

    def __init__(self, channel: str, *, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(channel, problem=f"the payload is {size_bytes} bytes, the limit is {limit_bytes}")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class PayloadInvalid(PublishRefused):
    """The payload cannot be encoded as JSON, or is not of the type the channel declares."""

    code = "payload_invalid"


class PatternInvalid(VolaError):
    """A channel pattern, or a value given for one of its parameters, is not acceptable."""

    code = "pattern_invalid"

    def __init__(self, pattern: str, *, problem: str) -> None:
        super().__init__(f"channel pattern {pattern!r}: {problem}")
        self.pattern = pattern
        self.problem = problem


class RegistrationInvalid(VolaError):
    """A channel class or an RPC method that cannot be registered as it is."""

    code = "registration_invalid"

    def __init__(self, name: str, *, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name
        self.problem = problem


class ExecutorOverloaded(VolaError):
    """The bounded executor holds as many calls as VOLA["EXECUTOR_QUEUE"] allows."""

    code = "executor_overloaded"


class ExecutorTimeout(VolaError):
    """A function did not answer within VOLA["EXECUTOR_TIMEOUT_S"]."""

    code = "executor_timeout"


class RpcError(VolaError):
    """Raised by an RPC method to answer its caller.

    Args:
        error_code: 400-1999, the range the protocol leaves to applications.
        message: short text for the client.
        temporary: whether trying again later may succeed.
    """

    code = "rpc_error"

    def __init__(self, error_code: int, message: str, *, temporary: bool = False) -> None:
        self.reply = application_error(error_code, message, temporary=temporary)
        super().__init__(f"{error_code}: {message}")


def application_error(code: int, message: str, *, temporary: bool = False) -> ErrorReply:
    """An error reply with a code of the application's range.

    Raises:
        ValueError: the code is outside 400-1999.
    """
    if not APPLICATION_CODE_MIN <= code <= APPLICATION_CODE_MAX:
        raise ValueError(
            f"error code {code} is outside {APPLICATION_CODE_MIN}-{APPLICATION_CODE_MAX}, the application's range"
        )
    return ErrorReply(code, message, temporary=temporary)
