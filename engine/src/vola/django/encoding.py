"""How the Django door writes JSON: msgspec, plus lazy translations."""

from __future__ import annotations

from typing import Final

import msgspec
from django.utils.functional import Promise

__all__ = ["encode_json"]


def _encode_unknown(value: object) -> object:
    if isinstance(value, Promise):  # A lazy translation.
        return str(value)
    raise NotImplementedError(f"objects of type {type(value).__name__} cannot be encoded as JSON")


_encoder: Final = msgspec.json.Encoder(enc_hook=_encode_unknown)


def encode_json(value: object) -> bytes:
    """One JSON value in UTF-8. msgspec.Raw is taken as JSON that is encoded already.

    Raises:
        NotImplementedError, TypeError, ValueError, msgspec.MsgspecError: the value has no JSON form.
    """
    return _encoder.encode(value)
