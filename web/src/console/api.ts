/// The console's HTTP API. Every failure is an ApiError with a sentence that can be shown.

import type { FleetItem, StatusName, Track, VehicleDetail, VehicleItem } from "./state";

export const PAGE_SIZE = 100;

export class ApiError extends Error {
  override name = "ApiError";
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export interface VehiclePage {
  readonly items: VehicleItem[];
  readonly next_cursor: string | null;
  readonly total: number;
}

export class Api {
  constructor(private readonly base: string) {}

  fleets(): Promise<FleetItem[]> {
    return this.get("fleets");
  }

  vehicles(
    fleetId: number,
    query: { search: string; status: StatusName | null; cursor: string | null },
    signal?: AbortSignal,
  ): Promise<VehiclePage> {
    const parameters = new URLSearchParams({ limit: String(PAGE_SIZE) });
    if (query.search) parameters.set("search", query.search);
    if (query.status) parameters.set("status", query.status);
    if (query.cursor) parameters.set("cursor", query.cursor);
    return this.get(`fleets/${fleetId}/vehicles?${parameters}`, signal);
  }

  vehicle(deviceId: number): Promise<VehicleDetail> {
    return this.get(`vehicles/${deviceId}`);
  }

  track(deviceId: number, minutes: number): Promise<Track> {
    return this.get(`vehicles/${deviceId}/track?minutes=${minutes}`);
  }

  private async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    let answer: Response;
    try {
      const headers = { accept: "application/json" };
      answer = await fetch(`${this.base}${path}`, signal ? { headers, signal } : { headers });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new ApiError(0, "The server cannot be reached.");
    }
    if (answer.ok) return (await answer.json()) as T;
    throw new ApiError(answer.status, SENTENCES[answer.status] ?? `The server answered with ${answer.status}.`);
  }
}

const SENTENCES: Record<number, string> = {
  401: "You are signed out. Sign in again to go on.",
  403: "You may not see this fleet.",
  404: "It does not exist, or you may not see it.",
  429: "Too many requests. Wait a moment.",
  503: "The server is overloaded. It will be tried again.",
};
