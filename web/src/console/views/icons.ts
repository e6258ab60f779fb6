/// The icons in use (lucide, ISC), inlined at build time; and the status shapes, which repeat the map's markers.

import { html, svg, type TemplateResult } from "lit-html";
import { unsafeHTML } from "lit-html/directives/unsafe-html.js";
import batteryIcon from "lucide-static/icons/battery-medium.svg?raw";
import chevronIcon from "lucide-static/icons/chevron-down.svg?raw";
import helpIcon from "lucide-static/icons/circle-help.svg?raw";
import clockIcon from "lucide-static/icons/clock.svg?raw";
import commandIcon from "lucide-static/icons/command.svg?raw";
import homeIcon from "lucide-static/icons/house.svg?raw";
import locateIcon from "lucide-static/icons/locate-fixed.svg?raw";
import monitorIcon from "lucide-static/icons/monitor.svg?raw";
import moonIcon from "lucide-static/icons/moon.svg?raw";
import panelIcon from "lucide-static/icons/panel-left.svg?raw";
import scanIcon from "lucide-static/icons/scan.svg?raw";
import searchIcon from "lucide-static/icons/search.svg?raw";
import settingsIcon from "lucide-static/icons/settings.svg?raw";
import sunIcon from "lucide-static/icons/sun.svg?raw";
import alertIcon from "lucide-static/icons/triangle-alert.svg?raw";
import truckIcon from "lucide-static/icons/truck.svg?raw";
import offlineIcon from "lucide-static/icons/wifi-off.svg?raw";
import closeIcon from "lucide-static/icons/x.svg?raw";
import type { StatusName } from "../state";

const SOURCES = {
  alert: alertIcon,
  battery: batteryIcon,
  chevron: chevronIcon,
  clock: clockIcon,
  close: closeIcon,
  command: commandIcon,
  help: helpIcon,
  home: homeIcon,
  locate: locateIcon,
  monitor: monitorIcon,
  moon: moonIcon,
  offline: offlineIcon,
  panel: panelIcon,
  scan: scanIcon,
  search: searchIcon,
  settings: settingsIcon,
  sun: sunIcon,
  truck: truckIcon,
};

export type IconName = keyof typeof SOURCES;

const PREPARED = new Map<string, unknown>();

/** A decorative icon; what it means is said by the text or the label beside it. */
export function icon(name: IconName, size: 16 | 20 = 16): unknown {
  const key = `${name}-${size}`;
  if (!PREPARED.has(key)) {
    const source = SOURCES[name]
      .replace(/<!--.*?-->/s, "")
      .replace(/class="[^"]*"/, `class="icon" aria-hidden="true"`)
      .replace('width="24"', `width="${size}"`)
      .replace('height="24"', `height="${size}"`)
      .trim();
    PREPARED.set(key, unsafeHTML(source));
  }
  return PREPARED.get(key);
}

export const STATUS_LABEL: Record<StatusName, string> = {
  moving: "Moving",
  idle: "Idle",
  offline: "Offline",
  alert: "Alert",
  unlocated: "No position",
};

/** Wedge, disc, hollow ring, ringed disc, dash: told apart without colour. */
export function statusShape(status: StatusName): TemplateResult {
  const shapes: Record<StatusName, TemplateResult> = {
    moving: svg`<path d="M6 0.8 10.4 11 6 8.8 1.6 11Z" />`,
    idle: svg`<circle cx="6" cy="6" r="4.2" />`,
    offline: svg`<circle cx="6" cy="6" r="3.7" fill="none" stroke-width="1.8" />`,
    alert: svg`<circle cx="6" cy="6" r="2.4" /><circle cx="6" cy="6" r="4.9" fill="none" stroke-width="1.5" />`,
    unlocated: svg`<path d="M2.5 6h7" fill="none" stroke-width="2" stroke-linecap="round" />`,
  };
  return html`<svg class="shape ${status}" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">${shapes[status]}</svg>`;
}
