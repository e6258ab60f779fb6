/// What the command palette offers: commands of the page, fleets, and vehicles of the list that fit what was typed.

import type { Ctrl } from "./ctrl";
import type { State, StatusName } from "./state";
import type { IconName } from "./views/icons";
import { STATUS_LABEL } from "./views/icons";

export interface Command {
  readonly title: string;
  readonly icon: IconName;
  readonly keys?: string;
  readonly run: () => void;
}

const OFFERED_MAX = 9;

export function commandsFor(state: State, ctrl: Ctrl): Command[] {
  const query = state.palette.query.trim().toLowerCase();
  const all = [...pageCommands(state, ctrl), ...fleetCommands(state, ctrl)];
  if (query === "") return all.slice(0, OFFERED_MAX);
  const fitting = all.filter((command) => fits(command.title, query));
  const vehicles = state.list.items
    .filter((item) => fits(`${item.label} ${item.registration ?? ""} ${item.driver ?? ""}`, query))
    .map((item): Command => ({ title: item.label, icon: "truck", run: () => ctrl.select(item.id, true) }));
  const search: Command = {
    title: `Search all vehicles for “${state.palette.query.trim()}”`,
    icon: "search",
    run: () => {
      if (!state.panelOpen) ctrl.togglePanel();
      ctrl.search(state.palette.query.trim());
    },
  };
  return [...fitting.slice(0, 5), ...vehicles.slice(0, OFFERED_MAX - 1 - Math.min(5, fitting.length)), search];
}

function pageCommands(state: State, ctrl: Ctrl): Command[] {
  const filters = (["moving", "idle", "offline"] as StatusName[]).map(
    (status): Command => ({
      title: state.filter === status ? "Show every status" : `Show only ${STATUS_LABEL[status].toLowerCase()}`,
      icon: "truck",
      run: () => ctrl.filterBy(status),
    }),
  );
  const selected: Command[] = state.selection
    ? [
        {
          title: state.following ? "Stop following" : "Follow the vehicle",
          icon: "locate",
          keys: "f",
          run: () => ctrl.toggleFollow(),
        },
      ]
    : [];
  return [
    ...selected,
    { title: "Show the whole fleet", icon: "scan", keys: "g f", run: () => ctrl.fitFleet() },
    ...filters,
    {
      title: state.panelOpen ? "Hide the vehicle list" : "Show the vehicle list",
      icon: "panel",
      run: () => ctrl.togglePanel(),
    },
    { title: "Light theme", icon: "sun", run: () => ctrl.setTheme("light") },
    { title: "Dark theme", icon: "moon", run: () => ctrl.setTheme("dark") },
    { title: "Theme as the system", icon: "monitor", run: () => ctrl.setTheme("system") },
  ];
}

function fleetCommands(state: State, ctrl: Ctrl): Command[] {
  const fleets = state.fleets.is === "ready" ? state.fleets.value : [];
  return fleets
    .filter((fleet) => fleet.id !== state.fleetId)
    .map((fleet): Command => ({ title: `Open ${fleet.name}`, icon: "truck", run: () => ctrl.openFleet(fleet.id) }));
}

function fits(title: string, query: string): boolean {
  return title.toLowerCase().includes(query);
}
