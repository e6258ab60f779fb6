/// Right panel: one vehicle. Facts that change come from its live channel; the rest from the API.

import { html, nothing, type TemplateResult } from "lit-html";
import { fleetNow, formatAgo, formatCount, formatCourse, formatDate, formatSpeed, formatTime } from "../../wire/clock";
import type { Ctrl } from "../ctrl";
import { trackLength } from "../map/track";
import { type Selection, type State, type StatusName, statusName, type VehicleDetail } from "../state";
import { icon, STATUS_LABEL, statusShape } from "./icons";
import { failure } from "./list_panel";

export function detailPanel(state: State, ctrl: Ctrl): TemplateResult | typeof nothing {
  const { selection } = state;
  if (!selection) return nothing;
  return html`<aside class="detail" aria-label="Vehicle">${content(selection, state, ctrl)}</aside>`;
}

function content(selection: Selection, state: State, ctrl: Ctrl): TemplateResult {
  const { detail } = selection;
  if (detail.is === "loading") {
    return html`${head("Loading", "", ctrl)}
      <div class="facts" aria-hidden="true">${Array.from({ length: 6 }, () => html`<span class="skeleton"></span>`)}</div>`;
  }
  if (detail.is === "failed") {
    return html`${head("Vehicle", "", ctrl)}${failure("This vehicle could not be loaded.", detail.message, () => ctrl.retrySelection())}`;
  }
  const vehicle = detail.value;
  const known = current(vehicle, selection);
  const now_ms = state.clock ? fleetNow(state.clock, performance.now()) : Date.now();
  return html`
    ${head(vehicle.label, [vehicle.registration, vehicle.vehicle].filter((part) => part).join(" · "), ctrl)}
    <div class="state ${known.status}">
      <span class="status">${statusShape(known.status)}${STATUS_LABEL[known.status]}</span>
      <span class="freshness">${freshness(known.fix_time_ms, now_ms, state)}</span>
    </div>
    <div class="actions">
      <button type="button" class="button primary" aria-pressed=${state.following} @click=${() => ctrl.toggleFollow()}>
        ${icon("locate")}${state.following ? "Following" : "Follow"}<kbd aria-hidden="true">f</kbd>
      </button>
      <button type="button" class="button" @click=${() => ctrl.showSelected()}>${icon("scan")}Show on map</button>
    </div>
    ${liveFacts(known)} ${aboutFacts(vehicle)} ${trackFacts(selection)}
  `;
}

interface Known {
  status: StatusName;
  fix_time_ms: number | null;
  lat: number | null;
  lon: number | null;
  speed_mps: number | null;
  course_deg: number | null;
  altitude_m: number | null;
  accuracy_m: number | null;
  battery_pct: number | null;
}

/** The live fix where there is one, else what the API said. */
function current(vehicle: VehicleDetail, selection: Selection): Known {
  const source = selection.fix ?? vehicle;
  return { ...source, status: statusName(source.status) };
}

function freshness(fix_time_ms: number | null, now_ms: number, state: State): TemplateResult {
  if (fix_time_ms === null) return html`No fix yet`;
  const word = state.connection === "live" ? "Fix" : "Last known fix";
  const title = `${formatDate(fix_time_ms)} ${formatTime(fix_time_ms)}`;
  return html`<time datetime=${new Date(fix_time_ms).toISOString()} title=${title}>${word} ${formatAgo((now_ms - fix_time_ms) / 1000)}</time>`;
}

function head(title: string, subtitle: string, ctrl: Ctrl): TemplateResult {
  return html`<div class="detail-head">
    <div><h2>${title}</h2>${subtitle ? html`<p>${subtitle}</p>` : nothing}</div>
    <button type="button" class="quiet" aria-label="Close (Esc)" title="Close (Esc)" @click=${() => ctrl.close()}>${icon("close")}</button>
  </div>`;
}

function liveFacts(known: Known): TemplateResult {
  const metres = (value: number | null) => (value === null ? "–" : `${formatCount(Math.round(value))} m`);
  const battery = known.battery_pct === null ? "–" : `${Math.round(known.battery_pct)} %`;
  const place = known.lat === null || known.lon === null ? "–" : `${known.lat.toFixed(5)}, ${known.lon.toFixed(5)}`;
  return facts("Now", [
    ["Speed", formatSpeed(known.speed_mps)],
    ["Heading", formatCourse(known.course_deg)],
    ["Accuracy", known.accuracy_m === null ? "–" : `± ${metres(known.accuracy_m)}`],
    ["Altitude", metres(known.altitude_m)],
    ["Battery", battery],
    ["Position", place],
  ]);
}

function aboutFacts(vehicle: VehicleDetail): TemplateResult {
  return html`
    ${facts("Vehicle and driver", [
      ["Driver", vehicle.driver ?? "Not assigned"],
      ["Registration", vehicle.registration ?? "–"],
      ["Vehicle", vehicle.vehicle ?? "–"],
      ["Device", vehicle.unique_id],
    ])}
    ${facts("Fixes today", [
      ["Accepted", formatCount(vehicle.counts_today.accepted)],
      ["Quarantined", formatCount(vehicle.counts_today.quarantined)],
    ])}
  `;
}

function trackFacts(selection: Selection): TemplateResult {
  const { track } = selection;
  if (track.is === "loading")
    return html`<section class="facts"><h3>Last 30 minutes</h3><span class="skeleton"></span></section>`;
  if (track.is === "failed")
    return html`<section class="facts"><h3>Last 30 minutes</h3><p class="note">The track could not be loaded. ${track.message}</p></section>`;
  const { points, gaps_after, thinned } = track.value;
  if (points.length === 0)
    return html`<section class="facts"><h3>Last 30 minutes</h3><p class="note">No fixes in this time.</p></section>`;
  const km = (trackLength(track.value) / 1000).toFixed(1);
  const [first] = points;
  return html`
    ${facts("Last 30 minutes", [
      ["Distance", `${km} km`],
      ["Fixes", `${formatCount(points.length)}${thinned ? " (thinned)" : ""}`],
      ["Gaps", gaps_after.length === 0 ? "none" : formatCount(gaps_after.length)],
      ["Since", formatTime(first[2])],
    ])}
    ${gaps_after.length > 0 ? html`<p class="note">Dashed on the map: no fixes came in between.</p>` : nothing}
  `;
}

function facts(title: string, pairs: [string, string][]): TemplateResult {
  return html`<section class="facts">
    <h3>${title}</h3>
    <dl>${pairs.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
  </section>`;
}
