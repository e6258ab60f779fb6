import { expect, test } from "vitest";
import { nextPoint, trackFeatures, trackLength } from "../src/console/map/track";
import type { Track, VehicleFix } from "../src/console/state";

const track: Track = {
  points: [
    [24.94, 60.17, 1_000, 5],
    [24.95, 60.17, 2_000, 5],
    [24.97, 60.17, 900_000, 5],
    [24.98, 60.17, 901_000, 5],
  ],
  gaps_after: [1],
};

test("a gap is a feature of its own, and no line runs across it", () => {
  const kinds = trackFeatures(track, null).features.map((one) => one.properties.kind);
  expect(kinds).toEqual(["line", "gap", "line", "start"]);
});

test("the distance leaves gaps out", () => {
  expect(trackLength(track)).toBeCloseTo(2 * 553.8, -1);
});

test("a live fix lengthens the track only when it is newer", () => {
  const fix = { id: 1, lat: 60.18, lon: 24.99, fix_time_ms: 902_000, speed_mps: null } as VehicleFix;
  expect(nextPoint(track, fix)).toEqual([24.99, 60.18, 902_000, null]);
  expect(nextPoint(track, { ...fix, fix_time_ms: 901_000 })).toBeUndefined();
  expect(nextPoint(track, { ...fix, lat: null })).toBeUndefined();
});
