"""Transports: where sockets live. Each feeds a session with frames and carries its messages out."""
