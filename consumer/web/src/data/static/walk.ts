/**
 * Walks through the graph of a file, with the rules of consumer/query/traversal/traverse.py and table_fallback.py; a test compares
 * their answers.
 */

import { isDirect, WHOLE } from "../../model/column_path.ts";
import type { Link, StaticGraph, Way } from "./graph.ts";

export interface Walk {
  depths: Map<number, number>;
  links: Set<Link>;
}

const far = (link: Link, way: Way): number => (way === "upstream" ? link.source : link.target);
const near = (link: Link, way: Way): number => (way === "upstream" ? link.target : link.source);

/** Breadth first by datasets. */
export function walkDatasets(graph: StaticGraph, root: number, way: Way, steps: number): Walk {
  const depths = new Map([[root, 0]]);
  const links = new Set<Link>();
  let level = [root];
  for (let depth = 1; depth <= steps && level.length > 0; depth++) {
    const next: number[] = [];
    for (const at of level) {
      for (const link of graph.links[way].get(at) ?? []) {
        links.add(link);
        const end = far(link, way);
        if (depths.has(end)) continue;
        depths.set(end, depth);
        next.push(end);
      }
    }
    level = next;
  }
  return { depths, links };
}

export interface ColumnWalk extends Walk {
  /** Steps within one dataset: `*` for its columns, or columns for their `*`. */
  inner: Set<string>;
}

/** Breadth first by columns: a column stands for `*` of its dataset too, and `*` for all columns. */
export function walkColumns(graph: StaticGraph, root: number, way: Way, steps: number): ColumnWalk {
  const depths = new Map([[root, 0]]);
  const links = new Set<Link>();
  const inner = new Set<string>();
  const reached = new Set([root]);
  let level = [root];
  for (let depth = 0; depth < steps && level.length > 0; depth++) {
    const ends = new Set<number>();
    for (const [asked, wantedFor] of widened(graph, level)) {
      const found = graph.columnLinks[way].get(asked) ?? [];
      if (found.length === 0) continue;
      if (!depths.has(asked)) depths.set(asked, depth);
      for (const other of wantedFor) {
        if (other !== asked) inner.add(way === "upstream" ? `${asked} ${other}` : `${other} ${asked}`);
      }
      for (const link of found) {
        links.add(link);
        ends.add(far(link, way));
      }
    }
    level = [...ends].filter((end) => !reached.has(end));
    for (const end of level) {
      reached.add(end);
      if (!depths.has(end)) depths.set(end, depth + 1);
    }
  }
  return { depths, links, inner };
}

function widened(graph: StaticGraph, level: readonly number[]): Map<number, number[]> {
  const asked = new Map<number, number[]>();
  const put = (at: number, wantedFor: number): void => {
    const known = asked.get(at);
    if (known) known.push(wantedFor);
    else asked.set(at, [wantedFor]);
  };
  for (const column of level) {
    put(column, column);
    const dataset = graph.columnDataset[column]!;
    const whole = graph.whole(dataset);
    if (graph.columnName[column] === WHOLE) for (const other of graph.columnsOf.get(dataset) ?? []) put(other, column);
    else if (whole !== undefined) put(whole, column);
  }
  return asked;
}

export interface Beyond extends Walk {
  starts: Set<number>;
}

const pair = (source: number, target: number, job: number): string => `${source} ${target} ${job}`;

/** Goes on by tables from where a walk by columns ended because column lineage is unknown. */
export function beyond(graph: StaticGraph, walk: Walk, way: Way, steps: number): Beyond {
  const reached = new Map<number, number>();
  for (const [column, depth] of walk.depths) {
    const dataset = graph.columnDataset[column]!;
    reached.set(dataset, Math.min(depth, reached.get(dataset) ?? depth));
  }
  const known = new Set(
    [...walk.links].map((link) => pair(graph.columnDataset[link.source]!, graph.columnDataset[link.target]!, link.job)),
  );
  const found: Beyond = { depths: new Map(), links: new Set(), starts: new Set() };
  const waiting = new Map<number, Set<number>>();
  const wait = (depth: number, at: number): void => {
    waiting.set(depth, (waiting.get(depth) ?? new Set()).add(at));
  };
  for (const link of unknown(graph, reached, known, way, steps)) {
    const start = near(link, way);
    found.starts.add(start);
    found.links.add(link);
    wait(reached.get(start)! + 1, far(link, way));
  }
  for (let depth = 1; depth <= steps; depth++) {
    const level = [...(waiting.get(depth) ?? [])].filter((at) => !found.depths.has(at));
    for (const at of level) found.depths.set(at, depth);
    if (depth === steps) break;
    for (const at of level) {
      for (const link of graph.links[way].get(at) ?? []) {
        found.links.add(link);
        wait(depth + 1, far(link, way));
      }
    }
  }
  for (const start of found.starts) found.depths.set(start, reached.get(start)!);
  return found;
}

/** Links by table that no link by column accompanies. */
function unknown(
  graph: StaticGraph,
  reached: ReadonlyMap<number, number>,
  known: ReadonlySet<string>,
  way: Way,
  steps: number,
): Link[] {
  const within = [...reached].filter(([, depth]) => depth < steps).map(([dataset]) => dataset);
  const open = within
    .flatMap((dataset) => graph.links[way].get(dataset) ?? [])
    .filter((link) => !known.has(pair(link.source, link.target, link.job)));
  const columns = [...new Set(open.map((link) => near(link, way)))].flatMap((dataset) => graph.columnsOf.get(dataset) ?? []);
  const withColumns = new Set(
    columns
      .flatMap((column) => graph.columnLinks[way].get(column) ?? [])
      .map((link) => pair(graph.columnDataset[link.source]!, graph.columnDataset[link.target]!, link.job)),
  );
  return open.filter((link) => !withColumns.has(pair(link.source, link.target, link.job)));
}

/** The columns that values of the root come into, step by step. */
export function directlyReached(root: number, links: Iterable<Link>): Set<number> {
  const onward = new Map<number, number[]>();
  for (const link of links) {
    if (!link.text || !isDirect(link.text.split(","))) continue;
    onward.set(link.source, [...(onward.get(link.source) ?? []), link.target]);
  }
  const reached = new Set([root]);
  const waiting = [root];
  while (waiting.length > 0) {
    for (const target of onward.get(waiting.pop()!) ?? []) {
      if (reached.has(target)) continue;
      reached.add(target);
      waiting.push(target);
    }
  }
  reached.delete(root);
  return reached;
}
