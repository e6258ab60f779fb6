"""Dispatch: live fleet tracking and delivery dispatch."""
