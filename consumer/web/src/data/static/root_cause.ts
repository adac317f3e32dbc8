/** What may be wrong upstream of a dataset. */

import { FAR } from "../source.ts";
import type { Finding, Run, WhyAnswer } from "../types.ts";
import { target } from "./cards.ts";
import { newestFirst, type StaticGraph, timeOf } from "./graph.ts";
import { order } from "./order.ts";
import { resolve } from "./resolve.ts";
import { walkDatasets } from "./walk.ts";

const MOST_NAMED = 3;

export function rootCauses(graph: StaticGraph, node: string): WhyAnswer {
  const root = resolve(graph, node).dataset;
  const walked = walkDatasets(graph, root, "upstream", FAR);
  // An exposure that is asked about has no runs and no tests of its own.
  const depths = new Map([...walked.depths].filter(([at]) => graph.datasets[at]!.kind === "dataset"));
  const runs = new Map([...depths.keys()].map((at) => [at, runsOf(graph, at).slice(0, 5 * Math.max(1, graph.datasets[at]!.producers.length))]));
  const findings: Finding[] = [];
  for (const [at, depth] of [...depths].sort((a, b) => a[0] - b[0])) {
    findings.push(...findingsOf(graph, at, depth, runs.get(at)!));
    const stale = staleness(graph, at, depth, runs);
    if (stale) findings.push(stale);
  }
  findings.sort((a, b) => order(b.since ?? "", a.since ?? ""));
  const among = (cause: Finding["cause"]) => (a: Finding, b: Finding) => Number(a.cause === cause) - Number(b.cause === cause);
  findings.sort((a, b) => among("skipped")(a, b) || a.depth - b.depth || among("stale")(a, b));
  const without = [...depths.keys()].filter((at) => runs.get(at)!.length === 0).sort((a, b) => a - b);
  return { root: graph.name(root), checked: depths.size, findings, without_runs: without.map((at) => graph.name(at)) };
}

function runsOf(graph: StaticGraph, at: number): Run[] {
  return graph.datasets[at]!.producers.flatMap((job) => newest(graph.jobs[job]!.runs)).sort(newestFirst);
}

/** The newest executed runs of a job, after its newest run if that was skipped. */
function newest(runs: readonly Run[]): Run[] {
  return [...runs.slice(0, 1).filter((run) => run.skipped), ...runs.filter((run) => !run.skipped).slice(0, 5)];
}

function findingsOf(graph: StaticGraph, at: number, depth: number, runs: readonly Run[]): Finding[] {
  const one = graph.datasets[at]!;
  const last = runs.find((run) => !run.skipped);
  const found: Finding[] = [];
  const add = (cause: Finding["cause"], detail: string, since: string | null, run: Run | null): void => {
    found.push({ dataset: target(graph, at), depth, cause, detail, since: since || null, owners: one.owners, run: run ? { job: run.job, id: run.id } : null });
  };
  if (runs[0]?.skipped) add("skipped", `skipped: ${runs[0].skipped}`, timeOf(runs[0]), runs[0]);
  if (last?.state === "FAIL" || last?.state === "ABORT") {
    add(last.state === "FAIL" ? "failed" : "aborted", last.error?.split("\n")[0] || `the last run ended with ${last.state}`, timeOf(last), last);
  } else if (last && !last.ended_at) add("running", "the last run has not ended", timeOf(last), last);
  if (one.lifecycle === "DROP") add("dropped", "the table was dropped", null, null);
  const failed = one.tests.filter((test) => !test.success).map((test) => test.name);
  if (failed.length > 0) {
    const more = failed.length > MOST_NAMED ? ` and ${failed.length - MOST_NAMED} more` : "";
    add("quality", `failed tests: ${failed.slice(0, MOST_NAMED).join(", ")}${more}`, null, null);
  }
  return found;
}

function staleness(graph: StaticGraph, at: number, depth: number, runs: ReadonlyMap<number, Run[]>): Finding | null {
  const completed = (dataset: number): Run | undefined => runs.get(dataset)?.find((run) => run.state === "COMPLETE");
  const own = completed(at);
  if (!own) return null;
  const sources = [...new Set((graph.links.upstream.get(at) ?? []).map((link) => link.source))].sort((a, b) => a - b);
  let newest: { at: number; time: string } | null = null;
  for (const source of sources) {
    const time = completed(source)?.ended_at;
    if (time && time > own.ended_at! && (!newest || time >= newest.time)) newest = { at: source, time };
  }
  if (!newest) return null;
  const { owners } = graph.datasets[at]!;
  const detail = `not rebuilt since ${graph.name(newest.at).name} was written`;
  return { dataset: target(graph, at), depth, cause: "stale", detail, since: own.ended_at, owners, run: { job: own.job, id: own.id } };
}
