"""Why a message is refused: every cause with its stable code, HTTP status and WebSocket error code.

A refusal is a value, not an exception: it is an everyday answer of the hot path. A fix that is merely not believed is
never refused; it is acknowledged and quarantined. The table is in docs/reference/ingest.md.
"""

from dataclasses import dataclass
from typing import Final

__all__ = [
    "BODY_TIMEOUT",
    "DEVICE_INACTIVE",
    "HEADERS_TOO_LARGE",
    "METHOD_NOT_ALLOWED",
    "NOT_FOUND",
    "OVERLOADED",
    "RATE_LIMITED",
    "REFUSALS",
    "SECRET_IN_URL",
    "STORAGE_UNAVAILABLE",
    "TOO_LARGE",
    "TOO_MANY_FIXES",
    "UNAUTHORIZED",
    "UNDECODABLE",
    "UNKNOWN_DEVICE",
    "UNSTORABLE",
    "Refusal",
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One cause.

    Attributes:
        code: stable word for programs.
        http_status: how HTTP says it.
        wire_code: how an RPC reply says it; 0: cannot happen there.
        message: for people; never holds what the device sent.
        retry_after_s: 0: sending the same again is useless.
    """

    code: str
    http_status: int
    wire_code: int
    message: str
    retry_after_s: int = 0


UNDECODABLE: Final = Refusal("undecodable", 400, 400, "The message is no fix in any known shape.")
SECRET_IN_URL: Final = Refusal(
    "secret_in_url", 400, 0, "A secret in a URL ends up in logs. Send it in the Authorization header or in the body."
)
UNAUTHORIZED: Final = Refusal("unauthorized", 401, 401, "The device's secret is missing or wrong.")
DEVICE_INACTIVE: Final = Refusal("device_inactive", 403, 403, "The device is deactivated.")
UNKNOWN_DEVICE: Final = Refusal("unknown_device", 404, 404, "No device is registered under this identifier.")
NOT_FOUND: Final = Refusal("not_found", 404, 0, "There is no ingest at this path.")
METHOD_NOT_ALLOWED: Final = Refusal("method_not_allowed", 405, 0, "Send fixes by GET, POST or PUT.")
BODY_TIMEOUT: Final = Refusal("body_timeout", 408, 0, "The body took too long to arrive.", 1)
TOO_LARGE: Final = Refusal("too_large", 413, 0, "The body is too large. Send fewer fixes at once.")
TOO_MANY_FIXES: Final = Refusal("too_many_fixes", 413, 413, "Too many fixes in one message.")
RATE_LIMITED: Final = Refusal("rate_limited", 429, 111, "This device sends too much.", 5)
HEADERS_TOO_LARGE: Final = Refusal("headers_too_large", 431, 0, "The headers or the query are too large.")
UNSTORABLE: Final = Refusal("unstorable", 422, 422, "The database refuses this fix. Sending it again is useless.")
STORAGE_UNAVAILABLE: Final = Refusal("storage_unavailable", 503, 503, "The fix could not be stored. Send it again.", 5)
OVERLOADED: Final = Refusal("overloaded", 503, 529, "Too many fixes are waiting. Send it again.", 2)

REFUSALS: Final[tuple[Refusal, ...]] = (
    UNDECODABLE,
    SECRET_IN_URL,
    UNAUTHORIZED,
    DEVICE_INACTIVE,
    UNKNOWN_DEVICE,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    BODY_TIMEOUT,
    TOO_LARGE,
    TOO_MANY_FIXES,
    RATE_LIMITED,
    HEADERS_TOO_LARGE,
    UNSTORABLE,
    STORAGE_UNAVAILABLE,
    OVERLOADED,
)
