/** The latest runs of jobs, or of the jobs that write a dataset. */

import type { RunsAnswer } from "../types.ts";
import { newestFirst, type StaticGraph } from "./graph.ts";
import { resolve } from "./resolve.ts";

export function latestRuns(graph: StaticGraph, node: string | null, state: string | null, limit: number): RunsAnswer {
  const found = jobsOf(graph, node).flatMap((job) => graph.jobs[job]!.runs);
  const matching = found.filter((run) => !state || run.state === state).sort(newestFirst);
  return { total: matching.length, runs: matching.slice(0, limit) };
}

function jobsOf(graph: StaticGraph, node: string | null): number[] {
  const { jobs, datasets } = graph;
  if (node === null) return jobs.map((_, at) => at);
  const named = jobs.flatMap((job, at) => (node === job.name || node === `${job.namespace}/${job.name}` ? [at] : []));
  return named.length > 0 ? named : datasets[resolve(graph, node).dataset]!.producers;
}
