import { describe, expect, test } from "vitest";
import { fleetNow, formatAge, formatAgo, formatCount, formatCourse, formatSpeed } from "../src/wire/clock";

describe("the fleet's clock", () => {
  test("a replay runs at its own speed from its own time", () => {
    const clock = { clock_ms: 1_211_018_400_000, clock_speed: 120, arrived_ms: 5_000 };
    expect(fleetNow(clock, 5_000)).toBe(1_211_018_400_000);
    expect(fleetNow(clock, 6_000)).toBe(1_211_018_520_000);
  });

  test("a moment before the reading is not extrapolated backwards", () => {
    expect(fleetNow({ clock_ms: 1_000, clock_speed: 1, arrived_ms: 500 }, 400)).toBe(1_000);
  });
});

describe("words", () => {
  test.each([
    [-3, "now"],
    [1.9, "now"],
    [2, "2 s"],
    [59.9, "59 s"],
    [60, "1 min"],
    [3_599, "59 min"],
    [3_600, "1 h"],
    [86_400, "1 d"],
    [Number.NaN, "unknown"],
  ])("an age of %f s is %s", (age_s, words) => {
    expect(formatAge(age_s)).toBe(words);
  });

  test("an age in a sentence says ago, but not of now", () => {
    expect(formatAgo(61)).toBe("1 min ago");
    expect(formatAgo(0)).toBe("now");
  });

  test("what is not known is a dash, not a zero", () => {
    expect(formatSpeed(null)).toBe("–");
    expect(formatSpeed(0)).toBe("0 km/h");
    expect(formatCourse(null)).toBe("–");
    expect(formatCourse(359.8)).toBe("0° N");
    expect(formatCourse(214)).toBe("214° SW");
  });

  test("counts are grouped and exact", () => {
    expect(formatCount(0)).toBe("0");
    expect(formatCount(49_020)).toBe("49,020");
    expect(formatCount(1_234_567)).toBe("1,234,567");
  });
});
