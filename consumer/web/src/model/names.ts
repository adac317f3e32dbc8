/** Names of datasets and jobs, as the API takes and people read them. */

import type { Name } from "../data/types.ts";

/** The form that the API resolves without a search: namespace/name. */
export function fullName(name: Name): string {
  return `${name.namespace}/${name.name}`;
}

/** Before the namespace of a job where a dataset may be named too. */
const JOB = "job:";

/** Before the namespace of a dataset that begins as the id of a job or of such a dataset does. */
const DATASET = "dataset:";

/** The id of a node: of a job, whose namespace has its prefix in answers, or of anything else, which is never taken for a job. */
export function idOf(node: Name & { kind?: string }): string {
  const name = fullName(node);
  const isPlain = node.kind === "job" || !(name.startsWith(JOB) || name.startsWith(DATASET));
  return isPlain ? name : DATASET + name;
}

/** The name of the dataset of an id, as the API takes it where no job can be named. */
export function datasetName(id: string): string {
  const name = id.startsWith(DATASET) ? id.slice(DATASET.length) : "";
  return name.startsWith(JOB) || name.startsWith(DATASET) ? name : id;
}

/** An engine as people write it; the API gives the scheme of engines that it does not know. */
export function engineName(engine: string): string {
  const names: Record<string, string> = { duckdb: "DuckDB", s3: "S3", s3a: "S3", gs: "GCS", file: "file", postgres: "Postgres" };
  return names[engine] ?? engine;
}

export function jobId(job: string): string {
  return JOB + job;
}

export function isJob(id: string): boolean {
  return id.startsWith(JOB);
}

/** The name of the job or dataset of an id, as the API takes it for runs. */
export function runsOf(id: string): string {
  return isJob(id) ? jobName(id) : datasetName(id);
}

/** The name of the job of an id, or its namespace. */
export function jobName(id: string): string {
  return id.slice(JOB.length);
}

export function columnId(id: string, column: string): string {
  return `${id}.${column}`;
}

/** The last part of a dataset's or job's name. */
export function lastPart(name: string): string {
  return name.split(/[./]/).filter(Boolean).at(-1) ?? name;
}

/** The part of a name before its last, for a second line: `dev.imdb`, `table/imdb`. */
export function location(name: string): string {
  const last = lastPart(name);
  const at = name.lastIndexOf(last);
  const before = at > 0 ? name.slice(0, at).replace(/[./]+$/, "") : "";
  return before.replace(/^table\//, "");
}
