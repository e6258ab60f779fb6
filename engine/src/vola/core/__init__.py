"""The engine's core, free of I/O: node, hub, sessions, streams, presence and delivery. Clock and sockets are ports."""
