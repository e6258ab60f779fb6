import { describe, expect, test } from "vitest";
import {
  type CellFrame,
  decodeFrame,
  FrameError,
  KIND_CELLS,
  KIND_DELTA,
  KIND_SNAPSHOT,
  type VehicleFrame,
} from "../src/wire/frames";
import golden from "./golden_frames.json";

const COLUMNS = ["id", "place_x", "place_y", "course", "speed", "status", "age_s", "gone"] as const;

describe("frames from the server's encoder", () => {
  test("a compressed snapshot decodes to the columns it was made of", async () => {
    const frame = (await decodeFrame(golden.snapshot.frame)) as VehicleFrame;
    expect(frame).toMatchObject({ kind: KIND_SNAPSHOT, level: 11, x: 1165, y: 592, clock_s: golden.clock_s });
    for (const name of COLUMNS) expect([...frame[name]], name).toEqual(golden.snapshot[name]);
  });

  test("a short delta travels uncompressed and names who left", async () => {
    expect(atob(golden.delta.frame).charCodeAt(2)).toBe(0);
    const frame = (await decodeFrame(golden.delta.frame)) as VehicleFrame;
    expect(frame.kind).toBe(KIND_DELTA);
    for (const name of COLUMNS) expect([...frame[name]], name).toEqual(golden.delta[name]);
  });

  test("cells keep counts beyond 16 bits and leave empty cells out", async () => {
    const frame = (await decodeFrame(golden.cells.frame)) as CellFrame;
    expect(frame).toMatchObject({ kind: KIND_CELLS, level: 4, x: 9, y: 4 });
    expect([...frame.cell]).toEqual(golden.cells.cell);
    expect(frame.counts.map((column) => [...column])).toEqual(golden.cells.counts);
  });
});

describe("what is no frame", () => {
  const altered = (at: number, value: number): string => {
    const bytes = [...atob(golden.delta.frame)].map((character) => character.charCodeAt(0));
    bytes[at] = value;
    return btoa(String.fromCharCode(...bytes));
  };

  test.each([
    ["too short", btoa("vola")],
    ["another format", altered(0, 2)],
    ["an unknown kind", altered(1, 9)],
    ["more rows than the body holds", altered(12, 200)],
  ])("%s is refused", async (_, data) => {
    await expect(decodeFrame(data)).rejects.toBeInstanceOf(FrameError);
  });
});
