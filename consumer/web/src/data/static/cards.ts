/** Datasets as answers name and summarize them. */

import { lastPart } from "../../model/names.ts";
import type { Card, Exposure, Run, RunState, Summary, Target } from "../types.ts";
import type { StaticGraph } from "./graph.ts";
import { order } from "./order.ts";

export function target(graph: StaticGraph, at: number): Target {
  return { ...graph.name(at), node_name: graph.datasets[at]!.node_name };
}

export function summary(graph: StaticGraph, at: number): Summary {
  const { namespace, name, node_name, engine, description, owners, tags, materialized, lifecycle, tests } = graph.datasets[at]!;
  return { namespace, name, node_name, engine, description, owners, tags, materialized, lifecycle, tests };
}

export function card(graph: StaticGraph, at: number, upstream: number | null, downstream: number | null): Card {
  const one = graph.datasets[at]!;
  const failed = one.tests.filter((test) => !test.success).length;
  const tags = one.tags.map((tag) => (/^(true)?$/i.test(tag.value) ? tag.key : `${tag.key}=${tag.value}`));
  const run = graph.lastRun(at);
  return {
    ...target(graph, at),
    kind: one.kind,
    upstream,
    downstream,
    engine: one.engine,
    materialized: one.materialized,
    lifecycle: one.lifecycle,
    owners: one.owners,
    tags: [...new Set(tags)].sort(),
    tests: { passed: one.tests.length - failed, failed },
    columns: one.column_count,
    sources: new Set((graph.links.upstream.get(at) ?? []).map((link) => link.source)).size,
    uses: new Set((graph.links.downstream.get(at) ?? []).map((link) => link.target)).size,
    exposure: one.exposure,
    last_run: run ? stateOf(run) : null,
  };
}

export function exposuresOf(graph: StaticGraph, at: number): Exposure[] {
  const used = (graph.links.downstream.get(at) ?? []).filter((link) => link.job < 0).map((link) => link.target);
  return [...new Set(used)]
    .map((use) => ({ name: lastPart(graph.datasets[use]!.name), ...graph.datasets[use]!.exposure! }))
    .sort((a, b) => order(a.name, b.name));
}

function stateOf(run: Run): RunState {
  return { state: run.state, started_at: run.started_at, ended_at: run.ended_at, skipped: run.skipped };
}
