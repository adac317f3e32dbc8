/** Names of datasets and jobs, as the API takes and people read them. */

import type { Name } from "../data/types.ts";

/** The form that the API resolves without a search: namespace/name. */
export function idOf(name: Name): string {
  return `${name.namespace}/${name.name}`;
}

/** An engine as people write it; the API gives the scheme of engines that it does not know. */
export function engineName(engine: string): string {
  const names: Record<string, string> = { duckdb: "DuckDB", s3: "S3", s3a: "S3", gs: "GCS", file: "file", postgres: "Postgres" };
  return names[engine] ?? engine;
}

/** Before the namespace of a job where a dataset may be named too. */
const JOB = "job:";

export function jobId(job: string): string {
  return JOB + job;
}

export function isJob(id: string): boolean {
  return id.startsWith(JOB);
}

/** The name of the job of an id, as the API takes it for runs. */
export function jobName(id: string): string {
  return isJob(id) ? id.slice(JOB.length) : id;
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
