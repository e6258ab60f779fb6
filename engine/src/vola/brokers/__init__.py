"""Brokers: streams, their history and their delivery between nodes."""
