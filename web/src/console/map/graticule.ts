/// A faint net of meridians and parallels, so that places beyond the city's map keep a scale and a position.

import type { LayerSpecification } from "maplibre-gl";

const STEPS_DEG = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
const LINES_MAX = 14;

/** Lines across a view, at the finest step that draws at most LINES_MAX each way; every line carries its name. */
export function graticule(west: number, south: number, east: number, north: number) {
  const fits = (step: number) => (east - west) / step <= LINES_MAX && (north - south) / step <= LINES_MAX;
  const step = STEPS_DEG.filter(fits).at(-1) ?? STEPS_DEG[0];
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  const name = (value: number, positive: string, negative: string) =>
    `${Math.abs(value).toFixed(digits)}° ${value < 0 ? negative : positive}`;
  const meridians = multiples(west, east, step).map((lon) =>
    line(name(lon, "E", "W"), [
      [lon, south],
      [lon, north],
    ]),
  );
  const parallels = multiples(south, north, step).map((lat) =>
    line(name(lat, "N", "S"), [
      [west, lat],
      [east, lat],
    ]),
  );
  return { type: "FeatureCollection" as const, features: [...meridians, ...parallels] };
}

function multiples(from: number, to: number, step: number): number[] {
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.max(0, Math.floor(to / step) - first + 1) }, (_, index) => (first + index) * step);
}

function line(name: string, coordinates: number[][]) {
  return { type: "Feature" as const, properties: { name }, geometry: { type: "LineString" as const, coordinates } };
}

export function graticuleLayers(dark: boolean): LayerSpecification[] {
  return [
    {
      id: "graticule",
      type: "line",
      source: "graticule",
      minzoom: 8,
      paint: { "line-color": dark ? "#8fa3b5" : "#4d6274", "line-opacity": dark ? 0.12 : 0.13, "line-width": 1 },
    },
    {
      id: "graticule-names",
      type: "symbol",
      source: "graticule",
      minzoom: 8,
      layout: {
        "symbol-placement": "line",
        "symbol-spacing": 900,
        "text-field": ["get", "name"],
        "text-font": ["Inter Variable"],
        "text-size": 10,
        "text-offset": [0, -0.7],
      },
      paint: { "text-color": dark ? "#5f7080" : "#8896a5", "text-opacity": 0.9 },
    },
  ];
}
