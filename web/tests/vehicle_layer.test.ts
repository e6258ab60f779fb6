import { expect, test } from "vitest";
import { markerSize } from "../src/console/map/vehicle_layer";

test("markers grow towards the street and stay readable in a crowd", () => {
  const alone = 1_000;
  expect(markerSize(11, alone)).toBeLessThan(markerSize(14, alone));
  expect(markerSize(18, alone)).toBe(22);
  expect(markerSize(14, 3)).toBe(8);
  expect(markerSize(14, 6)).toBeGreaterThan(8);
});
