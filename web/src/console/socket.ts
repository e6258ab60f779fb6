/// The live connection: which channel carries what, and which tiles are watched. Decoding keeps the order of each channel.

import { Centrifuge, type PublicationContext, type Subscription } from "centrifuge";
import { decodeFrame, type TileAddress, type TileFrame } from "../wire/frames";
import { type Box, type Layer, planWatching, tileKey } from "../wire/tiles";
import type { Summary, VehicleFix } from "./state";

export type ConnectionState = "connecting" | "live" | "reconnecting" | "refused";

export interface SocketHandlers {
  connection(state: ConnectionState, reason: string): void;
  summary(summary: Summary): void;
  frame(layer: Layer, frame: TileFrame, tileNumber: number): void;
  /** All watched tiles have spoken: what belongs to other tiles can go. */
  covered(layer: Layer, tileNumbers: ReadonlySet<number>, keys: ReadonlySet<string>): void;
  vehicle(fix: VehicleFix): void;
  problem(message: string): void;
}

interface Watched extends TileAddress {
  readonly number: number;
  readonly subscription: Subscription;
  loaded: boolean;
}

const EMPTY_TILE_AFTER_MS = 150;

/** Counts the characters that arrive, which for JSON is bytes. */
let receivedBytes = 0;
export const bytesReceived = (): number => receivedBytes;

class CountingWebSocket extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols);
    this.addEventListener("message", (event: MessageEvent<string | ArrayBuffer>) => {
      receivedBytes += typeof event.data === "string" ? event.data.length : event.data.byteLength;
    });
  }
}

export class FleetSocket {
  private readonly client: Centrifuge;
  private readonly watched = new Map<string, Watched>();
  private layer: Layer = "vehicles";
  private fleetId: number | undefined;
  private summary: Subscription | undefined;
  private vehicle: Subscription | undefined;
  private nextNumber = 0;
  private covered = false;

  constructor(
    url: string,
    private readonly handlers: SocketHandlers,
  ) {
    this.client = new Centrifuge(url, { websocket: CountingWebSocket, name: "console", maxReconnectDelay: 10_000 });
    this.client.on("connecting", (context) => handlers.connection("reconnecting", context.reason));
    this.client.on("connected", () => handlers.connection("live", ""));
    this.client.on("disconnected", (context) => handlers.connection("refused", context.reason));
    this.client.on("error", () => undefined);
  }

  open(): void {
    this.client.connect();
  }

  close(): void {
    this.client.disconnect();
  }

  /** Watch a fleet's summary; tiles and vehicle of the fleet before are dropped. */
  setFleet(fleetId: number): void {
    this.dropTiles([...this.watched.values()]);
    this.setVehicle(undefined);
    if (this.summary) this.remove(this.summary);
    this.fleetId = fleetId;
    this.summary = this.subscribe(`fleet:summary:${fleetId}`, (context) =>
      this.handlers.summary(context.data as Summary),
    );
  }

  /** Watch these tiles; those near the view stay, others go. */
  setTiles(layer: Layer, wanted: readonly TileAddress[], view: Box): void {
    if (this.fleetId === undefined) return;
    const before = layer === this.layer ? [...this.watched.values()] : [];
    if (layer !== this.layer) this.dropTiles([...this.watched.values()]);
    this.layer = layer;
    const plan = planWatching(before, wanted, view);
    if (plan.add.length === 0 && plan.drop.length === 0) return;
    this.dropTiles(plan.drop as Watched[]);
    for (const tile of plan.add) this.addTile(layer, tile);
    this.covered = false;
    this.reportCover();
  }

  /** Follow one vehicle wherever it is. */
  setVehicle(deviceId: number | undefined): void {
    if (this.vehicle) this.remove(this.vehicle);
    this.vehicle = undefined;
    if (deviceId === undefined || this.fleetId === undefined) return;
    this.vehicle = this.subscribe(`fleet:vehicle:${this.fleetId}:${deviceId}`, (context) =>
      this.handlers.vehicle(context.data as VehicleFix),
    );
  }

  private addTile(layer: Layer, tile: TileAddress): void {
    const kind = layer === "vehicles" ? "tile" : "cells";
    const channel = `fleet:${kind}:${this.fleetId}:${tile.level}:${tile.x}:${tile.y}`;
    let turn = Promise.resolve();
    const subscription = this.subscribe(channel, (context) => {
      turn = turn.then(() => this.take(layer, watched, context.data as string));
    });
    // A tile may have nothing to say: some time after its subscribe reply it counts as heard all the same.
    subscription.on("subscribed", () => {
      setTimeout(() => {
        turn = turn.then(() => this.heard(watched));
      }, EMPTY_TILE_AFTER_MS);
    });
    const watched: Watched = { ...tile, number: this.nextNumber++, subscription, loaded: false };
    this.watched.set(tileKey(tile), watched);
  }

  private async take(layer: Layer, tile: Watched, data: string): Promise<void> {
    try {
      const frame = await decodeFrame(data);
      if (this.watched.get(tileKey(tile)) !== tile) return;
      this.handlers.frame(layer, frame, tile.number);
      this.heard(tile);
    } catch (error) {
      this.handlers.problem(`A map frame could not be read: ${String(error)}`);
    }
  }

  private heard(tile: Watched): void {
    if (tile.loaded || this.watched.get(tileKey(tile)) !== tile) return;
    tile.loaded = true;
    this.reportCover();
  }

  private reportCover(): void {
    if (this.covered || this.watched.size === 0) return;
    const tiles = [...this.watched.values()];
    if (!tiles.every((tile) => tile.loaded)) return;
    this.covered = true;
    this.handlers.covered(this.layer, new Set(tiles.map((tile) => tile.number)), new Set(tiles.map(tileKey)));
  }

  private dropTiles(tiles: readonly Watched[]): void {
    for (const tile of tiles) {
      this.watched.delete(tileKey(tile));
      this.remove(tile.subscription);
    }
  }

  private subscribe(channel: string, take: (context: PublicationContext) => void): Subscription {
    const known = this.client.getSubscription(channel);
    if (known) this.remove(known);
    const subscription = this.client.newSubscription(channel);
    subscription.on("publication", take);
    subscription.on("unsubscribed", (context) => {
      if (context.code !== 0) this.handlers.problem(`${channel}: ${context.reason}`);
    });
    subscription.subscribe();
    return subscription;
  }

  private remove(subscription: Subscription): void {
    subscription.removeAllListeners();
    subscription.unsubscribe();
    this.client.removeSubscription(subscription);
  }
}
