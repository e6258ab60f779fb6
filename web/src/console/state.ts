/// Everything the page shows, as plain data. Only `ctrl` changes it; views read it. Vehicles on the map live in VehicleStore.

import type { ClockReading } from "../wire/clock";
import type { ConnectionState } from "./socket";

export const STATUSES = ["unlocated", "moving", "idle", "offline", "alert"] as const;
export type StatusName = (typeof STATUSES)[number];

export interface PageConfig {
  readonly user: string;
  readonly apiUrl: string;
  readonly socketPath: string;
  readonly basemap: { readonly city: string; readonly world: string };
  readonly links: { readonly start: string; readonly admin: string | null };
}

export interface FleetItem {
  readonly id: number;
  readonly name: string;
  readonly total: number;
  readonly clock_speed: number;
}

export interface Summary {
  readonly fleet_id: number;
  readonly name: string;
  readonly clock_ms: number;
  readonly clock_speed: number;
  readonly wall_ms: number;
  readonly counts: Readonly<Record<StatusName, number>>;
  readonly total: number;
  readonly bounds: readonly [number, number, number, number] | null;
  readonly rates?: { readonly fixes_per_s?: number };
}

/** A row of the list; null is unknown. */
export interface VehicleItem {
  readonly id: number;
  readonly label: string;
  readonly vehicle: string | null;
  readonly registration: string | null;
  readonly driver: string | null;
  readonly status: StatusName | number;
  readonly lat: number | null;
  readonly lon: number | null;
  readonly speed_mps: number | null;
  readonly fix_time_ms: number | null;
}

export interface VehicleDetail extends VehicleItem {
  readonly unique_id: string;
  readonly accuracy_m: number | null;
  readonly battery_pct: number | null;
  readonly altitude_m: number | null;
  readonly course_deg: number | null;
  readonly fleet_id: number;
  readonly counts_today: { readonly accepted: number; readonly quarantined: number };
}

export interface VehicleFix {
  readonly id: number;
  readonly lat: number | null;
  readonly lon: number | null;
  readonly speed_mps: number | null;
  readonly course_deg: number | null;
  readonly altitude_m: number | null;
  readonly accuracy_m: number | null;
  readonly battery_pct: number | null;
  readonly fix_time_ms: number | null;
  readonly received_ms: number | null;
  readonly status: number;
}

export type TrackPoint = readonly [lon: number, lat: number, fix_time_ms: number, speed_mps: number | null];

export interface Track {
  readonly points: TrackPoint[];
  /** A gap follows the points with these indices: the line is broken there. */
  readonly gaps_after: readonly number[];
  readonly thinned?: boolean;
}

export type Loadable<T> =
  | { readonly is: "loading" }
  | { readonly is: "ready"; readonly value: T }
  | { readonly is: "failed"; readonly message: string };

export interface ListState {
  items: VehicleItem[];
  total: number;
  cursor: string | null;
  phase: "loading" | "more" | "ready" | "failed";
  message: string;
  /** Row under the keyboard's cursor; -1 is none. */
  row: number;
  scrollTop: number;
  height: number;
}

export interface Selection {
  readonly id: number;
  detail: Loadable<VehicleDetail>;
  fix: VehicleFix | null;
  track: Loadable<Track>;
}

export type Theme = "system" | "light" | "dark";
export type Overlay = "none" | "palette" | "help" | "fleets";

export interface State {
  readonly config: PageConfig;
  fleets: Loadable<FleetItem[]>;
  fleetId: number | undefined;
  summary: Summary | undefined;
  clock: ClockReading | undefined;
  connection: ConnectionState;
  /** Browser's clock when the page was last live. */
  lastLive_ms: number | undefined;
  refusal: string;
  filter: StatusName | null;
  search: string;
  list: ListState;
  panelOpen: boolean;
  panelWidth: number;
  selection: Selection | undefined;
  hovered: { readonly id: number; readonly x: number; readonly y: number; readonly label: string } | undefined;
  following: boolean;
  overlay: Overlay;
  palette: { query: string; row: number };
  theme: Theme;
  mapPhase: "loading" | "ready" | "failed";
  mapMessage: string;
  notice: string;
}

export const PANEL_WIDTH = { initial: 360, least: 280, most: 560 };

export function initialState(config: PageConfig): State {
  return {
    config,
    fleets: { is: "loading" },
    fleetId: undefined,
    summary: undefined,
    clock: undefined,
    connection: "connecting",
    lastLive_ms: undefined,
    refusal: "",
    filter: null,
    search: "",
    list: emptyList(),
    panelOpen: true,
    panelWidth: PANEL_WIDTH.initial,
    selection: undefined,
    hovered: undefined,
    following: false,
    overlay: "none",
    palette: { query: "", row: 0 },
    theme: "system",
    mapPhase: "loading",
    mapMessage: "",
    notice: "",
  };
}

export function emptyList(): ListState {
  return { items: [], total: 0, cursor: null, phase: "loading", message: "", row: -1, scrollTop: 0, height: 600 };
}

/** The API writes a status as a name or as the wire's number; the page uses names. */
export function statusName(status: StatusName | number): StatusName {
  return typeof status === "number" ? (STATUSES[status & 7] ?? "unlocated") : status;
}
