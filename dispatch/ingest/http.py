"""Fixes over HTTP: an ASGI application without Django on its way. ``/ingest/osmand`` takes every shape that phones
send.

The answer comes when all fixes of the message are durable. Shapes, answers and limits: docs/reference/ingest.md.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from dispatch import runtime
from dispatch.core.errors import Undecodable
from dispatch.core.fix import Verdict
from dispatch.core.reading import Report
from dispatch.ingest.authentication import authenticate
from dispatch.ingest.errors import (
    BODY_TIMEOUT,
    HEADERS_TOO_LARGE,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    SECRET_IN_URL,
    STORAGE_UNAVAILABLE,
    TOO_LARGE,
    TOO_MANY_FIXES,
    UNDECODABLE,
    UNKNOWN_DEVICE,
    Refusal,
)
from dispatch.ingest.http_message import MessageLimits, SecretInUrl, decode_request, is_json, read_authorization
from dispatch.ingest.registry import DeviceEntry
from dispatch.ingest.reporting import report, verdict_words
from dispatch.runtime import DispatchService

__all__ = ["application"]

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PATH: Final = "/ingest/osmand"
_METHODS: Final = ("GET", "POST", "PUT")
_FORM_UNKNOWN_DEVICE_STATUS: Final = 400
"""What clients of the form expect for an unknown device; JSON clients expect 404."""


class _Refused(Exception):  # noqa: N818 - named for what happened
    """Carries a refusal up to the answer."""

    def __init__(self, refusal: Refusal, *, message: str = "", http_status: int = 0) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.message = message or refusal.message
        self.http_status = http_status or refusal.http_status


class _Disconnected(Exception):  # noqa: N818 - named for what happened
    """The client went away before its message was complete."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request."""
    try:
        verdicts = await _take(scope, receive)
    except _Refused as refused:
        await _answer_refusal(send, refused)
    except _Disconnected:
        return
    else:
        await _answer(send, 200, headers=[(b"vola-fix", _fix_header(verdicts))], body=b"")


async def _take(scope: Scope, receive: Receive) -> list[Verdict]:
    """The verdicts of a request's fixes, when they are durable; one alone for a message that is no array."""
    service = runtime.current_or_none()
    if service is None:
        raise _Refused(STORAGE_UNAVAILABLE)
    try:
        limits = service.message_limits
        _check_request_line(scope, limits)
        body = await _read_body(scope, receive, limits=limits)
        message = _decode(scope, body, fixes_max=limits.array_fixes_max)
        device = _authenticate(service, message, is_form=not is_json(body))
    except _Refused as refused:
        service.counters.refused[refused.refusal.code] += 1
        raise
    answered: asyncio.Future[list[Verdict] | Refusal] = asyncio.get_running_loop().create_future()

    def done(outcome: list[Verdict] | Refusal) -> None:
        if not answered.done():  # cancelled when the server stops
            answered.set_result(outcome)

    report(message.fixes, device=device, service=service, done=done)
    outcome = await answered
    if isinstance(outcome, Refusal):
        raise _Refused(outcome)
    return outcome


def _check_request_line(scope: Scope, limits: MessageLimits) -> None:
    if scope["path"].rstrip("/") != _PATH:
        raise _Refused(NOT_FOUND)
    if scope["method"] not in _METHODS:
        raise _Refused(METHOD_NOT_ALLOWED)
    size = len(scope["query_string"]) + sum(len(name) + len(value) for name, value in scope["headers"])
    if size > limits.header_bytes_max:
        raise _Refused(HEADERS_TOO_LARGE)


async def _read_body(scope: Scope, receive: Receive, *, limits: MessageLimits) -> bytes:
    """The body, as long as it keeps to the limits of size and time."""
    json_limit, form_limit = limits.json_body_bytes_max, limits.body_bytes_max
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if not announced.isdigit() or len(announced) > 12 or int(announced) > max(json_limit, form_limit):
        raise _Refused(TOO_LARGE)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_timeout_s):
            while True:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise _Disconnected
                body += event.get("body", b"")
                if len(body) > (json_limit if is_json(bytes(body[:64])) else form_limit):
                    raise _Refused(TOO_LARGE)
                if not event.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise _Refused(BODY_TIMEOUT) from None


def _decode(scope: Scope, body: bytes, *, fixes_max: int) -> Report:
    credentials = read_authorization(scope["headers"])
    try:
        return decode_request(scope["query_string"], body, credentials=credentials, fixes_max=fixes_max)
    except SecretInUrl:
        raise _Refused(SECRET_IN_URL) from None
    except Undecodable as problem:
        if problem.reason == "too_many_fixes":
            raise _Refused(TOO_MANY_FIXES) from None
        raise _Refused(UNDECODABLE, message=str(problem)) from None


def _authenticate(service: DispatchService, message: Report, *, is_form: bool) -> DeviceEntry:
    device = authenticate(service.registry, unique_id=message.device_id, secret=message.secret)
    if isinstance(device, Refusal):
        expects_400 = is_form and device is UNKNOWN_DEVICE
        raise _Refused(device, http_status=_FORM_UNKNOWN_DEVICE_STATUS if expects_400 else 0)
    return device


def _fix_header(verdicts: list[Verdict]) -> bytes:
    """``accepted``, ``quarantined; reason=null_island``; for several fixes counts: ``accepted=3, duplicate=1``."""
    parts = []
    for verdict, count in sorted(Counter(verdicts).items()):
        name, reason = verdict_words(verdict)
        number = f"={count}" if len(verdicts) > 1 else ""
        parts.append(f"{name}{number}; reason={reason}" if reason else f"{name}{number}")
    return ", ".join(parts).encode()


async def _answer_refusal(send: Send, refused: _Refused) -> None:
    refusal = refused.refusal
    headers = [(b"content-type", b"application/json")]
    if refusal.retry_after_s:
        headers.append((b"retry-after", str(refusal.retry_after_s).encode()))
    if refusal is METHOD_NOT_ALLOWED:
        headers.append((b"allow", ", ".join(_METHODS).encode()))
    if refusal.http_status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="ingest"'))
    body = msgspec.json.encode({"error": {"code": refusal.code, "message": refused.message}})
    await _answer(send, refused.http_status, headers=headers, body=body)


async def _answer(send: Send, status: int, *, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    headers += [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
