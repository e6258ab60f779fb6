"""What an HTTP request says: which of the shapes it has, and who sends it. Limits and answers are in ``http``."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from dispatch.core.decode_geolocation import decode_geolocation
from dispatch.core.decode_osmand import decode_osmand, parse_parameters
from dispatch.core.errors import Undecodable
from dispatch.core.reading import Report

__all__ = ["Credentials", "MessageLimits", "SecretInUrl", "decode_request", "is_json", "read_authorization"]

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class SecretInUrl(Exception):  # noqa: N818 - named for what happened
    """The query holds a secret, which is by now in somebody's log."""

    code = "secret_in_url"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLimits:
    """Bounds of one message; the settings INGEST_... of the same names explain them."""

    header_bytes_max: int
    body_bytes_max: int
    json_body_bytes_max: int
    body_timeout_s: int
    array_fixes_max: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the Authorization header says; "" for what it does not."""

    device_id: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.device_id!r})"  # never the secret


def is_json(body: bytes) -> bool:
    """Whether a body (or its beginning) is meant as JSON. Devices get Content-Type wrong; a form never starts so."""
    return body.removeprefix(_BYTE_ORDER_MARK).lstrip()[:1] in (b"{", b"[")


def decode_request(query: bytes, body: bytes, *, credentials: Credentials, fixes_max: int) -> Report:
    """Decode a message of any shape that ``/ingest/osmand`` takes.

    Args:
        query: the URL's, encoded.
        body: b"" when there is none.
        credentials: of the header; they fill in what the message does not say.
        fixes_max: longest array.

    Returns:
        A report that names a device. A form body is read after the query, and the later of two values counts.

    Raises:
        SecretInUrl: the query has a parameter ``secret``.
        Undecodable: see the decoders; ``missing_id`` when nothing names the device.
    """
    in_url = parse_parameters(query)
    if any(key == "secret" for key, _ in in_url):
        raise SecretInUrl
    if is_json(body):
        report = decode_geolocation(body, fixes_max=fixes_max)
        named = {value for key, value in in_url if key in ("id", "deviceid") and value} | {report.device_id} - {""}
        if len(named) > 1:
            raise Undecodable("ambiguous_id")
        device_id = next(iter(named), credentials.device_id)
    else:
        parameters = in_url + parse_parameters(body)
        if credentials.device_id and not any(key in ("id", "deviceid") for key, _ in parameters):
            parameters.append(("id", credentials.device_id))
        report = decode_osmand(parameters)
        device_id = report.device_id
    if not device_id:
        raise Undecodable("missing_id")
    return replace(report, device_id=device_id, secret=credentials.secret or report.secret)


def read_authorization(headers: Iterable[tuple[bytes, bytes]]) -> Credentials:
    """The Authorization header: ``Bearer <secret>`` or ``Basic base64(<id>:<secret>)``; anything else says nothing."""
    value = next((value for name, value in headers if name == b"authorization"), b"")
    scheme, _, token = value.strip().partition(b" ")
    if scheme.lower() == b"bearer":
        return Credentials(secret=token.strip().decode("latin-1"))
    if scheme.lower() == b"basic":
        try:
            device_id, _, secret = base64.b64decode(token.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return Credentials()
        return Credentials(device_id, secret)
    return Credentials()
