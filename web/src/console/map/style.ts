/// The basemap's styles: the same layers in a light and a dark palette. Muted on purpose, since the vehicles are the content.

import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";

interface Palette {
  water: string;
  waterLine: string;
  waterText: string;
  land: string;
  park: string;
  pitch: string;
  block: string;
  civic: string;
  square: string;
  rail: string;
  building: string;
  buildingLine: string;
  roadMajor: string;
  roadMajorCase: string;
  road: string;
  roadCase: string;
  path: string;
  border: string;
  text: string;
  textSoft: string;
  textHalo: string;
  poi: string;
}

const LIGHT: Palette = {
  water: "#c6dbe6",
  waterLine: "#aac8d8",
  waterText: "#5b8299",
  land: "#f3f2ee",
  park: "#d9e8cf",
  pitch: "#cfe2c9",
  block: "#eeece6",
  civic: "#ece7e4",
  square: "#f8f6f1",
  rail: "#b9bcc0",
  building: "#e3dfd8",
  buildingLine: "#d2cdc4",
  roadMajor: "#fdf3d7",
  roadMajorCase: "#dfcf9f",
  road: "#ffffff",
  roadCase: "#d9d6cf",
  path: "#cdc8be",
  border: "#a99fae",
  text: "#2d3945",
  textSoft: "#5c6a79",
  textHalo: "#ffffff",
  poi: "#6b6270",
};

const DARK: Palette = {
  water: "#0b1d29",
  waterLine: "#17344a",
  waterText: "#5f8ba6",
  land: "#182028",
  park: "#18291f",
  pitch: "#1b3025",
  block: "#1b242c",
  civic: "#1f262e",
  square: "#212a33",
  rail: "#46525e",
  building: "#242f39",
  buildingLine: "#303d49",
  roadMajor: "#4a4f52",
  roadMajorCase: "#111820",
  road: "#36424d",
  roadCase: "#121920",
  path: "#3a4650",
  border: "#5e5a70",
  text: "#dbe3ea",
  textSoft: "#93a2b0",
  textHalo: "#10171d",
  poi: "#8e97a3",
};

const FONT = ["Inter Variable"];
const MAJOR = ["motorway", "trunk", "primary", "secondary"];
const MINOR = ["tertiary", "unclassified", "residential", "living_street", "pedestrian", "service"];
const FOOT = ["footway", "cycleway", "path", "steps"];

/** The whole style. `city` and `world` are pmtiles:// addresses; without `glyphs` the labels use the page's own font. */
export function basemapStyle(dark: boolean, sources: { city: string; world: string }): StyleSpecification {
  const colours = dark ? DARK : LIGHT;
  return {
    version: 8,
    sources: {
      world: { type: "vector", url: sources.world, attribution: "Natural Earth" },
      city: { type: "vector", url: sources.city, attribution: "© OpenStreetMap contributors (ODbL)" },
    },
    layers: [...ground(colours), ...roads(colours), ...labels(colours)],
  };
}

function ground(c: Palette): LayerSpecification[] {
  const fill = (id: string, source: string, layer: string, colour: string | ExpressionSpecification, minzoom = 0) =>
    ({
      id,
      type: "fill",
      source,
      "source-layer": layer,
      minzoom,
      paint: { "fill-color": colour },
    }) as LayerSpecification;
  const kinds: ExpressionSpecification = [
    "match",
    ["get", "kind"],
    ["park", "grass", "wood"],
    c.park,
    "pitch",
    c.pitch,
    ["civic", "railway"],
    c.civic,
    ["square", "platform", "parking"],
    c.square,
    c.block,
  ];
  return [
    { id: "sea", type: "background", paint: { "background-color": c.water } },
    fill("world-land", "world", "land", c.land),
    {
      id: "coast",
      type: "line",
      source: "world",
      "source-layer": "land",
      paint: { "line-color": c.waterLine, "line-width": 0.8 },
    },
    {
      id: "borders",
      type: "line",
      source: "world",
      "source-layer": "borders",
      paint: { "line-color": c.border, "line-width": width(1, 0.5, 6, 1.4), "line-dasharray": [3, 1.5] },
    },
    fill("ground", "city", "ground", c.land, 10),
    fill("land", "city", "land", kinds, 11),
    fill("water", "city", "water", c.water, 10),
    {
      id: "shore",
      type: "line",
      source: "city",
      "source-layer": "water",
      minzoom: 13,
      paint: { "line-color": c.waterLine, "line-width": 1 },
    },
    {
      id: "buildings",
      type: "fill",
      source: "city",
      "source-layer": "buildings",
      minzoom: 13,
      paint: {
        "fill-color": c.building,
        "fill-outline-color": c.buildingLine,
        "fill-opacity": ["interpolate", ["linear"], ["zoom"], 13, 0.5, 15, 1],
      },
    },
  ];
}

function roads(c: Palette): LayerSpecification[] {
  const of = (classes: string[]): ExpressionSpecification => ["in", ["get", "class"], ["literal", classes]];
  const line = (id: string, classes: string[], colour: string, widths: ExpressionSpecification, minzoom: number) =>
    ({
      id,
      type: "line",
      source: "city",
      "source-layer": "roads",
      minzoom,
      filter: of(classes),
      layout: { "line-cap": "round", "line-join": "round" },
      paint: {
        "line-color": colour,
        "line-width": widths,
        "line-opacity": ["match", ["get", "level"], "tunnel", 0.4, 1],
      },
    }) as LayerSpecification;
  return [
    {
      ...line("paths", FOOT, c.path, width(15, 0.6, 19, 3), 15),
      paint: { "line-color": c.path, "line-width": width(15, 0.6, 19, 3), "line-dasharray": [2, 1.4] },
    } as LayerSpecification,
    line("minor-case", MINOR, c.roadCase, byClass(1.6), 13),
    line("major-case", MAJOR, c.roadMajorCase, byClass(1.8), 10),
    line("minor", MINOR, c.road, byClass(0), 12),
    line("major", MAJOR, c.roadMajor, byClass(0), 10),
    {
      id: "rails",
      type: "line",
      source: "city",
      "source-layer": "rails",
      minzoom: 12,
      filter: ["==", ["get", "kind"], "rail"],
      paint: { "line-color": c.rail, "line-width": width(12, 0.5, 18, 2.4) },
    },
    {
      id: "trams",
      type: "line",
      source: "city",
      "source-layer": "rails",
      minzoom: 15,
      filter: ["==", ["get", "kind"], "tram"],
      paint: { "line-color": c.rail, "line-width": 1, "line-opacity": 0.7 },
    },
  ];
}

function labels(c: Palette): LayerSpecification[] {
  const halo = { "text-halo-color": c.textHalo, "text-halo-width": 1.4 };
  const named = (id: string, source: string, layer: string) =>
    ({ id, type: "symbol", source, "source-layer": layer }) as const;
  return [
    {
      ...named("road-names", "city", "roads"),
      minzoom: 14.5,
      filter: ["all", ["has", "name"], ["!", ["in", ["get", "class"], ["literal", [...FOOT, "service"]]]]],
      layout: {
        "symbol-placement": "line",
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": ["interpolate", ["linear"], ["zoom"], 14, 10, 18, 13],
        "symbol-spacing": 320,
        "text-max-angle": 30,
      },
      paint: { "text-color": c.textSoft, ...halo },
    },
    {
      ...named("poi", "city", "poi"),
      minzoom: 16.5,
      layout: { "text-field": ["get", "name"], "text-font": FONT, "text-size": 10.5, "text-max-width": 8 },
      paint: { "text-color": c.poi, ...halo },
    },
    {
      ...named("places", "city", "places"),
      minzoom: 10,
      filter: ["any", ["<=", ["get", "rank"], 1], [">=", ["zoom"], 13.5]],
      layout: {
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": ["match", ["get", "rank"], 1, 17, 12],
        "text-letter-spacing": ["match", ["get", "rank"], 1, 0, 0.06],
        "symbol-sort-key": ["get", "rank"],
        "text-padding": 6,
      },
      paint: {
        "text-color": ["match", ["get", "rank"], 1, c.text, c.textSoft],
        "text-opacity": ["interpolate", ["linear"], ["zoom"], 16, 1, 17, ["match", ["get", "rank"], 1, 0, 1]],
        ...halo,
      },
    },
    {
      ...named("countries", "world", "names"),
      maxzoom: 9,
      filter: ["all", ["==", ["get", "kind"], "country"], ["<=", ["get", "rank"], ["+", 1.5, ["*", 1.1, ["zoom"]]]]],
      layout: {
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": ["interpolate", ["linear"], ["zoom"], 1, 10, 6, 15],
        "symbol-sort-key": ["get", "rank"],
        "text-max-width": 7,
      },
      paint: { "text-color": c.textSoft, ...halo },
    },
    {
      ...named("seas", "world", "names"),
      maxzoom: 11,
      filter: ["all", ["==", ["get", "kind"], "sea"], ["<=", ["get", "rank"], ["+", 1, ["/", ["zoom"], 3]]]],
      layout: {
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": 11.5,
        "text-letter-spacing": 0.12,
        "text-max-width": 6,
      },
      paint: { "text-color": c.waterText },
    },
  ];
}

function width(zoom_a: number, px_a: number, zoom_b: number, px_b: number): ExpressionSpecification {
  return ["interpolate", ["exponential", 1.5], ["zoom"], zoom_a, px_a, zoom_b, px_b];
}

/** Width by class and zoom; `extra` px more for the casing under it. */
function byClass(extra: number): ExpressionSpecification {
  const at = (arterial: number, local: number, service: number): ExpressionSpecification => [
    "match",
    ["get", "class"],
    ["motorway", "trunk", "primary"],
    arterial + extra,
    ["secondary"],
    arterial * 0.85 + extra,
    ["tertiary", "unclassified", "residential"],
    local + extra,
    service + extra,
  ];
  return [
    "interpolate",
    ["exponential", 1.5],
    ["zoom"],
    11,
    at(1, 0.4, 0.2),
    14,
    at(3.2, 1.8, 0.9),
    16,
    at(8, 5.5, 2.6),
    18,
    at(22, 16, 8),
  ];
}
