/** What of the graph is shown: levels, what was opened, the path of a column, and counts of the rest. */

import { degree, type Direction, type Graph, neighbours } from "./graph.ts";
import type { State } from "./state.ts";

/** Neighbours of one dataset that levels show. */
export const FAN = 24;
/** Neighbours that opening a dataset shows. */
export const OPENED_FAN = 250;
/** Boxes that are drawn at most. */
export const MOST_BOXES = 1200;

export interface Stub {
  /** Of whose neighbours it stands for some. */
  of: string;
  direction: Direction;
  count: number;
}

export interface Visible {
  /** Nearest first; the root is the first. */
  ids: string[];
  edges: [string, string][];
  /** Neighbours that are not shown, where others of them are. */
  stubs: Stub[];
  /** For each shown dataset its neighbours that are not shown. */
  hidden: Map<string, { "<": number; ">": number }>;
  /** True if there were more boxes than are drawn. */
  cut: boolean;
}

interface Found {
  ids: string[];
  seen: Set<string>;
  stubs: Map<string, Stub>;
  cut: boolean;
}

function show(found: Found, id: string): boolean {
  if (found.seen.has(id)) return false;
  if (found.ids.length >= MOST_BOXES) {
    found.cut = true;
    return false;
  }
  found.seen.add(id);
  found.ids.push(id);
  return true;
}

/** Shows neighbours of a dataset; those that do not fit become a count. Returns the new ones. */
function open(found: Found, graph: Graph, id: string, direction: Direction, fan: number): string[] {
  const near = neighbours(graph, id, direction);
  const shown = near.filter((one) => found.seen.has(one));
  const fresh = near.filter((one) => !found.seen.has(one)).slice(0, Math.max(0, fan - shown.length));
  const added = fresh.filter((one) => show(found, one));
  const rest = degree(graph, id, direction) - shown.length - added.length;
  const key = direction + id;
  if (rest > 0 && near.length > fan) found.stubs.set(key, { of: id, direction, count: rest });
  else found.stubs.delete(key);
  return added;
}

export function visible(graph: Graph, state: State, path: readonly string[]): Visible {
  const found: Found = { ids: [], seen: new Set(), stubs: new Map(), cut: false };
  if (!graph.cards.has(state.node)) return { ids: [], edges: [], stubs: [], hidden: new Map(), cut: false };
  const closed = new Set(state.closed);
  show(found, state.node);
  for (const [direction, steps] of [
    ["<", state.up],
    [">", state.down],
  ] as const) {
    let level = [state.node];
    for (let step = 0; step < steps && level.length > 0; step++) {
      level = level.flatMap((id) =>
        closed.has(direction + id)
          ? []
          : open(found, graph, id, direction, state.opened.includes(direction + id) ? OPENED_FAN : FAN),
      );
    }
  }
  openOthers(found, graph, state, closed);
  for (const id of path) if (graph.cards.has(id)) show(found, id);
  return finished(found, graph);
}

/** What was opened beyond the levels; one opening may show the dataset of another. */
function openOthers(found: Found, graph: Graph, state: State, closed: ReadonlySet<string>): void {
  let waiting = state.opened.filter((entry) => !closed.has(entry));
  for (let before = -1; before !== waiting.length; ) {
    before = waiting.length;
    waiting = waiting.filter((entry) => {
      const id = entry.slice(1);
      if (!found.seen.has(id)) return true;
      open(found, graph, id, entry.slice(0, 1) as Direction, OPENED_FAN);
      return false;
    });
  }
}

function finished(found: Found, graph: Graph): Visible {
  const edges: [string, string][] = [];
  const hidden = new Map<string, { "<": number; ">": number }>();
  for (const id of found.ids) {
    const targets = [...(graph.out.get(id)?.keys() ?? [])].filter((target) => found.seen.has(target));
    const sources = [...(graph.into.get(id)?.keys() ?? [])].filter((source) => found.seen.has(source));
    for (const target of targets) edges.push([id, target]);
    hidden.set(id, {
      "<": degree(graph, id, "<") - sources.length,
      ">": degree(graph, id, ">") - targets.length,
    });
  }
  const stubs = [...found.stubs.values()].map((stub) => ({ ...stub, count: hidden.get(stub.of)![stub.direction] }));
  return { ids: found.ids, edges, stubs: stubs.filter((stub) => stub.count > 0), hidden, cut: found.cut };
}
