"""Fleets, their vehicles, drivers and devices: who may send fixes and who may see them."""
