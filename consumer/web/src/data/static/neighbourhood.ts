/** The datasets around one, nearest first, and around a job. */

import { isJob, jobId, jobName, lastPart } from "../../model/names.ts";
import { Failure, FAR, type GraphQuery } from "../source.ts";
import type { Card, GraphAnswer } from "../types.ts";
import { card, target } from "./cards.ts";
import type { StaticGraph } from "./graph.ts";
import { order } from "./order.ts";
import { resolve } from "./resolve.ts";
import { walkDatasets } from "./walk.ts";

export function neighbourhood(graph: StaticGraph, query: GraphQuery): GraphAnswer {
  if (isJob(query.node)) return ofJob(graph, query);
  const { dataset: root, column } = resolve(graph, query.node);
  const up = walkDatasets(graph, root, "upstream", query.upstream);
  const down = walkDatasets(graph, root, "downstream", query.downstream);
  const all = [...new Set([...up.depths.keys(), ...down.depths.keys()])];
  const depth = (at: number): number => Math.min(up.depths.get(at) ?? FAR, down.depths.get(at) ?? FAR);
  all.sort((a, b) => depth(a) - depth(b) || a - b);
  const kept = all.slice(0, query.limit ?? 1_000);
  const places = new Map(kept.map((at, place) => [at, place]));
  const links = [...new Set([...up.links, ...down.links])]
    .filter((link) => places.has(link.source) && places.has(link.target))
    .map((link): [number, number, string] => [places.get(link.source)!, places.get(link.target)!, link.text]);
  return {
    root: { ...target(graph, root), ...(column === null ? {} : { column }) },
    nodes: kept.map((at) => card(graph, at, up.depths.get(at) ?? null, down.depths.get(at) ?? null)),
    links: [...new Map(links.map((link) => [link.join("\n"), link])).values()].sort(byNumbers),
    levels: { upstream: counted(up.depths), downstream: counted(down.depths) },
    total: all.length,
  };
}

/** A job with its inputs and outputs; of further steps each dataset is asked for. */
function ofJob(graph: StaticGraph, query: GraphQuery): GraphAnswer {
  const place = graph.jobs.findIndex((job) => `${job.namespace}/${job.name}` === jobName(query.node));
  const job = graph.jobs[place];
  if (!job) throw new Failure("unknown-name", `no job is called ${jobName(query.node)}`);
  const near = (key: "readers" | "producers"): number[] => graph.datasets.flatMap((one, at) => (one[key].includes(place) ? [at] : []));
  const inputs = query.upstream > 0 ? near("readers") : [];
  const outputs = query.downstream > 0 ? near("producers") : [];
  const around = [...new Set([...inputs, ...outputs])];
  const root = { namespace: jobId(job.namespace), name: job.name, node_name: lastPart(job.name) };
  const first: Card = {
    ...root,
    kind: "job",
    upstream: 0,
    downstream: 0,
    engine: "job",
    materialized: job.integration,
    lifecycle: null,
    owners: [],
    tags: [],
    tests: { passed: 0, failed: 0 },
    columns: null,
    sources: inputs.length,
    uses: outputs.length,
    exposure: null,
    last_run: job.runs[0] ?? null,
  };
  const at = (dataset: number): number => around.indexOf(dataset) + 1;
  return {
    root,
    nodes: [first, ...around.map((one) => card(graph, one, inputs.includes(one) ? 1 : null, outputs.includes(one) ? 1 : null))],
    links: [
      ...inputs.map((one): [number, number, string] => [at(one), 0, ""]),
      ...outputs.map((one): [number, number, string] => [0, at(one), ""]),
    ],
    levels: { upstream: inputs.length > 0 ? [inputs.length] : [], downstream: outputs.length > 0 ? [outputs.length] : [] },
    total: around.length + 1,
  };
}

function counted(depths: ReadonlyMap<number, number>): number[] {
  const most = Math.max(0, ...depths.values());
  const counts = new Array<number>(most).fill(0);
  for (const depth of depths.values()) if (depth > 0) counts[depth - 1]!++;
  return counts;
}

function byNumbers(a: [number, number, string], b: [number, number, string]): number {
  return a[0] - b[0] || a[1] - b[1] || order(a[2], b[2]);
}
