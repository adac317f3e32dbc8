/** Everything about one dataset. */

import type { Dataset } from "../types.ts";
import { exposuresOf, summary } from "./cards.ts";
import type { StaticGraph } from "./graph.ts";
import { resolve } from "./resolve.ts";

export function describe(graph: StaticGraph, node: string): Dataset {
  const at = resolve(graph, node).dataset;
  const one = graph.datasets[at]!;
  const uses = graph.links.downstream.get(at) ?? [];
  return {
    ...summary(graph, at),
    aliases: one.aliases,
    apart: one.apart,
    columns: graph.columns(at),
    producers: one.producers.map((job) => {
      const { runs, ...about } = graph.jobs[job]!;
      return { ...about, last_run: runs[0] ?? null };
    }),
    readers: one.readers.map((job) => ({ namespace: graph.jobs[job]!.namespace, name: graph.jobs[job]!.name })),
    upstream: new Set((graph.links.upstream.get(at) ?? []).map((link) => link.source)).size,
    downstream: new Set(uses.filter((link) => link.job >= 0).map((link) => link.target)).size,
    exposures: exposuresOf(graph, at),
    statistics: one.statistics,
    version: one.version,
    source_uri: one.source_uri,
  };
}
