import { expect, test } from "vitest";
import { graticule } from "../src/console/map/graticule";

test("lines fall on round degrees and are named", () => {
  const { features } = graticule(24.9, 60.1, 25.02, 60.2);
  expect(features.map((one) => one.properties.name)).toEqual([
    ...["24.90", "24.91", "24.92", "24.93", "24.94", "24.95", "24.96", "24.97", "24.98", "24.99"].map((n) => `${n}° E`),
    ...["25.00", "25.01", "25.02"].map((n) => `${n}° E`),
    ...["60.10", "60.11", "60.12", "60.13", "60.14", "60.15", "60.16", "60.17", "60.18", "60.19", "60.20"].map(
      (n) => `${n}° N`,
    ),
  ]);
});

test("the whole world gets few lines, and the southern and western half its own letters", () => {
  const names = graticule(-180, -80, 180, 80).features.map((one) => one.properties.name);
  expect(names.length).toBeLessThan(24);
  expect(names).toContain("30° W");
  expect(names).toContain("60° S");
});
