import { describe, expect, test } from "vitest";
import {
  latFromMercator,
  layerFor,
  lonFromMercator,
  mercatorX,
  mercatorY,
  planWatching,
  TILES_WATCHED_MAX,
  tileKey,
  tilesInView,
} from "../src/wire/tiles";

/** The view of a window of `width` x `height` pixels around Helsinki. */
function view(zoom: number, width = 1280, height = 800, lon = 24.94, lat = 60.17) {
  const pixels = 512 * 2 ** zoom;
  const [x, y] = [mercatorX(lon), mercatorY(lat)];
  return {
    west: x - width / 2 / pixels,
    east: x + width / 2 / pixels,
    north: y - height / 2 / pixels,
    south: y + height / 2 / pixels,
  };
}

describe("mercator", () => {
  test.each([
    [24.9427, 60.1676],
    [-122.4194, 37.7749],
    [0, 0],
    [179.9, -80],
  ])("%f, %f survives the way there and back", (lon, lat) => {
    expect(lonFromMercator(mercatorX(lon))).toBeCloseTo(lon, 9);
    expect(latFromMercator(mercatorY(lat))).toBeCloseTo(lat, 9);
  });
});

describe("the choice of what is drawn", () => {
  test("a large fleet is aggregated below zoom 11, a small one never", () => {
    expect(layerFor(10.99, 2_001)).toBe("cells");
    expect(layerFor(11, 50_000)).toBe("vehicles");
    expect(layerFor(3, 2_000)).toBe("vehicles");
  });

  test.each([
    [5, 5],
    [9.7, 8],
    [13.9, 11],
    [16, 14],
  ])("at zoom %f a laptop watches vehicle tiles of level %i", (zoom, level) => {
    expect(new Set(tilesInView(view(zoom), zoom, "vehicles").map((tile) => tile.level))).toEqual(new Set([level]));
  });

  test("a zoomed out small fleet still uses the coarsest level there is", () => {
    const tiles = tilesInView(view(6.2), 6.2, "vehicles");
    expect(tiles.every((tile) => tile.level === 5)).toBe(true);
  });

  test("cells follow the zoom, floored", () => {
    expect(tilesInView(view(7.9), 7.9, "cells")[0].level).toBe(7);
    expect(tilesInView(view(0.4), 0.4, "cells")).toEqual([{ level: 0, x: 0, y: 0 }]);
  });

  test("no screen makes the page watch more tiles than it may", () => {
    for (let zoom = 0; zoom <= 19; zoom += 0.25)
      for (const layer of ["vehicles", "cells"] as const) {
        const tiles = tilesInView(view(zoom, 3840, 2160), zoom, layer);
        expect(tiles.length, `${layer} at ${zoom}`).toBeLessThanOrEqual(TILES_WATCHED_MAX);
        expect(tiles.length).toBeGreaterThan(0);
      }
  });
});

describe("watching", () => {
  const wanted = (v: ReturnType<typeof view>) => tilesInView(v, 14, "vehicles");

  test("a small pan to and fro drops nothing", () => {
    const here = view(14);
    const there = view(14, 1280, 800, 24.945);
    const first = wanted(here);
    const moved = planWatching(first, wanted(there), there);
    expect(moved.drop).toEqual([]);
    const back = planWatching([...moved.keep, ...moved.add], wanted(here), here);
    expect(back.add).toEqual([]);
  });

  test("a far jump drops everything and adds the new view", () => {
    const first = wanted(view(14));
    const far = view(14, 1280, 800, -122.42, 37.77);
    const plan = planWatching(first, wanted(far), far);
    expect(plan.drop.map(tileKey)).toEqual(first.map(tileKey));
    expect(plan.add).toEqual(wanted(far));
  });

  test("a change of level drops the level before", () => {
    const at = view(11.5);
    const plan = planWatching(tilesInView(view(14), 14, "vehicles"), tilesInView(at, 11.5, "vehicles"), at);
    expect(plan.keep).toEqual([]);
    expect(plan.drop.length).toBeGreaterThan(0);
  });

  test("tiles kept for comfort never push the number over the limit", () => {
    let watched = tilesInView(view(11.05, 2560, 1440), 11.05, "vehicles");
    for (let step = 0; step < 40; step++) {
      const at = view(11.05, 2000, 1200, 24.94 + step * 0.11);
      const plan = planWatching(watched, tilesInView(at, 11.05, "vehicles"), at);
      watched = [...plan.keep, ...plan.add];
      expect(watched.length).toBeLessThanOrEqual(TILES_WATCHED_MAX);
    }
  });
});
