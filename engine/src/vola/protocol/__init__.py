"""The wire: message types and codecs. Bytes in, messages out; no socket, no clock, no state of a connection."""
