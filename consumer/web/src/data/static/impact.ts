/** What a change of a dataset or column affects. */

import { WHOLE } from "../../model/column_path.ts";
import { FAR } from "../source.ts";
import type { Affected, Certainty, Change, ImpactAnswer } from "../types.ts";
import { exposuresOf, summary, target } from "./cards.ts";
import type { StaticGraph } from "./graph.ts";
import { order } from "./order.ts";
import { resolve } from "./resolve.ts";
import { beyond, directlyReached, walkColumns, walkDatasets } from "./walk.ts";

interface Hit {
  depth: number;
  certainty: Certainty;
  columns: Set<string>;
}

interface Reached {
  found: Map<number, Hit>;
  ends: number[];
}

export function impact(graph: StaticGraph, node: string, change: Change): ImpactAnswer {
  const { dataset, column } = resolve(graph, node);
  const byColumn = column !== null && column !== WHOLE && change !== "stop";
  const reached = byColumn ? affectedByColumn(graph, dataset, column) : affectedByTable(graph, dataset);
  const affected = [...reached.found].map(([at, one]) => affectedBy(graph, at, one));
  affected.sort((a, b) => a.depth - b.depth || order(a.node_name, b.node_name) || order(a.namespace, b.namespace) || order(a.name, b.name));
  const owners = new Map<string, number>();
  const depths: Record<string, number> = {};
  for (const one of affected) {
    depths[one.depth] = (depths[one.depth] ?? 0) + 1;
    for (const owner of one.owners) owners.set(owner, (owners.get(owner) ?? 0) + 1);
  }
  const ranked = [...owners].sort((a, b) => b[1] - a[1] || order(a[0], b[0]));
  return {
    root: { ...target(graph, dataset), ...(byColumn ? { column } : {}) },
    change,
    total: affected.length,
    by_depth: depths,
    owners: Object.fromEntries(ranked),
    affected,
    unknown_at: [...reached.ends].sort((a, b) => a - b).map((at) => graph.name(at)),
    changed: affectedBy(graph, dataset, { depth: 0, certainty: "direct", columns: new Set(byColumn ? [column] : []) }),
  };
}

function affectedBy(graph: StaticGraph, at: number, one: Hit): Affected {
  return {
    ...summary(graph, at),
    depth: one.depth,
    certainty: one.certainty,
    columns: [...one.columns].sort(),
    exposures: exposuresOf(graph, at),
  };
}

function affectedByTable(graph: StaticGraph, dataset: number): Reached {
  const { depths } = walkDatasets(graph, dataset, "downstream", FAR);
  const found = new Map<number, Hit>();
  for (const [at, depth] of depths) {
    if (depth > 0 && isDataset(graph, at)) found.set(at, { depth, certainty: "direct", columns: new Set() });
  }
  return { found, ends: [] };
}

function isDataset(graph: StaticGraph, at: number): boolean {
  return graph.datasets[at]!.kind === "dataset";
}

function affectedByColumn(graph: StaticGraph, dataset: number, column: string): Reached {
  const root = graph.column(dataset, column);
  const walk = walkColumns(graph, root, "downstream", FAR);
  const direct = directlyReached(root, walk.links);
  const found = new Map<number, Hit>();
  for (const [at, depth] of walk.depths) {
    if (depth === 0) continue;
    const target = graph.columnDataset[at]!;
    const hit = found.get(target) ?? { depth, certainty: "indirect" as Certainty, columns: new Set<string>() };
    hit.depth = Math.min(hit.depth, depth);
    if (direct.has(at)) hit.certainty = "direct";
    if (graph.columnName[at] !== WHOLE) hit.columns.add(graph.columnName[at]!);
    found.set(target, hit);
  }
  const ends = beyond(graph, walk, "downstream", FAR);
  for (const [at, depth] of ends.depths) {
    if (depth > 0 && isDataset(graph, at) && !found.has(at)) found.set(at, { depth, certainty: "unknown", columns: new Set() });
  }
  return { found, ends: [...ends.starts] };
}
