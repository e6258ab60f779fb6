/// Keyboard: one listener, one table. Keys are quiet while the dispatcher types, except Escape and the palette.

import type { Ctrl } from "./ctrl";
import type { State } from "./state";

export const SHORTCUTS: readonly (readonly [keys: string, what: string])[] = [
  ["/", "Search vehicles"],
  ["j", "Next vehicle in the list"],
  ["k", "Previous vehicle in the list"],
  ["Enter", "Open the vehicle"],
  ["f", "Follow the open vehicle"],
  ["Esc", "Close what is open"],
  ["Ctrl K", "Commands"],
  ["g f", "Go to the whole fleet"],
  ["g m", "Go to the map"],
  ["g l", "Go to the list"],
  ["g s", "Go to the start page"],
  ["g a", "Go to administration"],
  ["?", "This help"],
];

const GO_PAUSE_MS = 1_200;

export function listenToKeys(state: State, ctrl: Ctrl): void {
  let go_ms = Number.NEGATIVE_INFINITY;
  window.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open(state, ctrl, "palette");
      return;
    }
    if (event.key === "Escape") return goBack(state, ctrl, event);
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
      if (event.key === "Enter" && (event.target as HTMLElement).id === "search")
        ctrl.moveRow(state.list.row < 0 ? 1 : 0);
      if (event.key === "Enter" && (event.target as HTMLElement).id === "search") ctrl.openRow();
      return;
    }
    if (state.overlay !== "none") return;
    const going = event.timeStamp - go_ms < GO_PAUSE_MS;
    go_ms = event.key === "g" && !going ? event.timeStamp : Number.NEGATIVE_INFINITY;
    const act = going ? GO[event.key] : KEYS[event.key];
    if (!act) return;
    if (event.key === "Enter" && isControl(event.target)) return;
    event.preventDefault();
    act(state, ctrl);
  });
}

type Act = (state: State, ctrl: Ctrl) => void;

const KEYS: Record<string, Act> = {
  "/": (state, ctrl) => {
    if (!state.panelOpen) ctrl.togglePanel();
    ctrl.redrawNow();
    const search = document.querySelector<HTMLInputElement>("#search");
    search?.focus();
    search?.select();
  },
  "?": (state, ctrl) => open(state, ctrl, "help"),
  j: (_, ctrl) => ctrl.moveRow(1),
  k: (_, ctrl) => ctrl.moveRow(-1),
  Enter: (_, ctrl) => ctrl.openRow(),
  f: (_, ctrl) => ctrl.toggleFollow(),
};

const GO: Record<string, Act> = {
  f: (_, ctrl) => ctrl.fitFleet(),
  m: (_, ctrl) => ctrl.map.map.getCanvas().focus(),
  l: () => document.querySelector<HTMLElement>("#rows")?.focus(),
  s: (state) => window.location.assign(state.config.links.start),
  a: (state) => {
    if (state.config.links.admin) window.location.assign(state.config.links.admin);
  },
};

let focusedBefore: Element | null = null;

function open(state: State, ctrl: Ctrl, overlay: "palette" | "help"): void {
  focusedBefore = document.activeElement;
  state.overlay = overlay;
  state.palette = { query: "", row: 0 };
  ctrl.redraw();
}

function goBack(state: State, ctrl: Ctrl, event: KeyboardEvent): void {
  if (state.overlay !== "none") {
    state.overlay = "none";
    ctrl.redraw();
    if (focusedBefore instanceof HTMLElement) focusedBefore.focus();
  } else if (isTyping(event.target)) (event.target as HTMLElement).blur();
  else if (state.following) ctrl.toggleFollow();
  else if (state.selection) ctrl.close();
  else if (state.filter !== null) ctrl.filterBy(null);
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;

const isControl = (target: EventTarget | null): boolean =>
  target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
