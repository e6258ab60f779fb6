/// The selected vehicle's recent track as GeoJSON: solid where it reported, dashed and pale across gaps.

import type { LayerSpecification } from "maplibre-gl";
import { mercatorX, mercatorY, metresPerUnit } from "../../wire/tiles";
import type { Track, TrackPoint, VehicleFix } from "../state";

type Feature = {
  type: "Feature";
  properties: { kind: "line" | "gap" | "start" | "last" };
  geometry: { type: "LineString"; coordinates: number[][] } | { type: "Point"; coordinates: number[] };
};

/** Pieces between gaps, the gaps themselves, the first point, and the last known place. */
export function trackFeatures(track: Track | undefined, fix: VehicleFix | null) {
  const features: Feature[] = [];
  const points = track?.points ?? [];
  const gaps = new Set(track?.gaps_after ?? []);
  let piece: number[][] = [];
  const close = () => {
    if (piece.length >= 2) features.push(line("line", piece));
    piece = [];
  };
  for (const [index, point] of points.entries()) {
    piece.push([point[0], point[1]]);
    const next = points[index + 1];
    if (gaps.has(index) && next) {
      close();
      features.push(
        line("gap", [
          [point[0], point[1]],
          [next[0], next[1]],
        ]),
      );
    }
  }
  close();
  const [first] = points;
  if (first) features.push(dot("start", first[0], first[1]));
  if (fix?.lon != null && fix.lat != null) features.push(dot("last", fix.lon, fix.lat));
  return { type: "FeatureCollection" as const, features };
}

function line(kind: "line" | "gap", coordinates: number[][]): Feature {
  return { type: "Feature", properties: { kind }, geometry: { type: "LineString", coordinates } };
}

function dot(kind: "start" | "last", lon: number, lat: number): Feature {
  return { type: "Feature", properties: { kind }, geometry: { type: "Point", coordinates: [lon, lat] } };
}

/** Driven metres, gaps left out. */
export function trackLength(track: Track): number {
  const gaps = new Set(track.gaps_after);
  return track.points.reduce((sum, point, index) => {
    const next = track.points[index + 1];
    return next && !gaps.has(index) ? sum + distance(point, next) : sum;
  }, 0);
}

function distance(a: TrackPoint, b: TrackPoint): number {
  const units = Math.hypot(mercatorX(a[0]) - mercatorX(b[0]), mercatorY(a[1]) - mercatorY(b[1]));
  return units * metresPerUnit(a[1]);
}

/** The track's point for a fix that came after it was loaded; undefined when it is no newer. */
export function nextPoint(track: Track, fix: VehicleFix): TrackPoint | undefined {
  const last = track.points[track.points.length - 1];
  if (fix.lon === null || fix.lat === null || fix.fix_time_ms === null) return undefined;
  if (last && fix.fix_time_ms <= last[2]) return undefined;
  return [fix.lon, fix.lat, fix.fix_time_ms, fix.speed_mps];
}

export function trackLayers(dark: boolean): LayerSpecification[] {
  const ink = dark ? "#f0b13a" : "#b35c00";
  const halo = dark ? "#10171d" : "#ffffff";
  const only = (kind: string): ["==", ["get", string], string] => ["==", ["get", "kind"], kind];
  const round = { "line-cap": "round", "line-join": "round" } as const;
  return [
    {
      id: "track-halo",
      type: "line",
      source: "track",
      filter: only("line"),
      layout: round,
      paint: { "line-color": halo, "line-width": 6, "line-opacity": 0.8 },
    },
    {
      id: "track-line",
      type: "line",
      source: "track",
      filter: only("line"),
      layout: round,
      paint: { "line-color": ink, "line-width": 3 },
    },
    {
      id: "track-gap",
      type: "line",
      source: "track",
      filter: only("gap"),
      paint: { "line-color": ink, "line-width": 2, "line-opacity": 0.7, "line-dasharray": [1, 2] },
    },
    {
      id: "track-start",
      type: "circle",
      source: "track",
      filter: only("start"),
      paint: { "circle-radius": 4, "circle-color": halo, "circle-stroke-color": ink, "circle-stroke-width": 2 },
    },
    {
      id: "track-last",
      type: "circle",
      source: "track",
      filter: only("last"),
      paint: { "circle-radius": 5, "circle-color": ink, "circle-stroke-color": halo, "circle-stroke-width": 2 },
    },
  ];
}
