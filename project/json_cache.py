"""Cache values as JSON: what comes back from Valkey is data, never a pickle that could run code."""

import json

__all__ = ["JsonCacheSerializer"]


class JsonCacheSerializer:
    """Django's cache serializer protocol over JSON; whole numbers stay plain so that INCR works on them."""

    def dumps(self, value: object) -> bytes | int:
        """Return the bytes to store, or the integer itself."""
        if type(value) is int:
            return value
        return json.dumps(value, separators=(",", ":")).encode()

    def loads(self, data: bytes) -> object:
        """Return the stored value; tuples come back as lists."""
        return json.loads(data)
