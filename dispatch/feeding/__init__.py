"""What feeds the system from outside, as devices do: simulated vehicles and replayed recordings.

Nothing here writes positions itself: every fix goes through the public ingest address over HTTP, with a device's
identity and secret, and counts only when the server acknowledged it. See ``docs/reference/feeding.md``.
"""
