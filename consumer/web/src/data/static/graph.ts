/** The graph inside a file, indexed; consumer/render/page/page_data.py writes it. */

import type { Column, Name, Run, Summary, Tag } from "../types.ts";

export interface StaticDataset extends Summary {
  kind: string;
  aliases: Name[];
  apart: Name[];
  schema: { name: string; type: string | null; description: string | null }[];
  column_count: number | null;
  statistics: Record<string, unknown>;
  version: string | null;
  source_uri: string | null;
  exposure: { type: string | null; url: string | null; owner: string | null } | null;
  producers: number[];
  readers: number[];
}

export interface StaticJob extends Name {
  type: string | null;
  integration: string | null;
  description: string | null;
  source_path: string | null;
  sql: string | null;
  runs: Run[];
}

export interface StaticDocument {
  version: number;
  datasets: StaticDataset[];
  jobs: StaticJob[];
  columns: { dataset: number[]; name: string[] };
  links: number[];
  column_links: number[];
  tools: string[];
  kinds: string[];
}

export interface Link {
  source: number;
  target: number;
  /** -1 for none. */
  job: number;
  text: string;
}

export type Way = "upstream" | "downstream";

/** Links by the end from which a walk comes. */
export type Ends = Record<Way, Map<number, Link[]>>;

const WIDTH = 4;
const WHOLE = "*";

function ends(numbers: readonly number[], texts: readonly string[]): Ends {
  const found: Ends = { upstream: new Map(), downstream: new Map() };
  const put = (map: Map<number, Link[]>, at: number, link: Link): void => {
    const known = map.get(at);
    if (known) known.push(link);
    else map.set(at, [link]);
  };
  for (let at = 0; at < numbers.length; at += WIDTH) {
    const [source, target, job, text] = numbers.slice(at, at + WIDTH) as [number, number, number, number];
    const link = { source, target, job, text: texts[text]! };
    put(found.upstream, target, link);
    put(found.downstream, source, link);
  }
  return found;
}

export class StaticGraph {
  readonly datasets: readonly StaticDataset[];
  readonly jobs: readonly StaticJob[];
  readonly links: Ends;
  readonly columnLinks: Ends;
  readonly columnDataset: number[];
  readonly columnName: string[];
  /** All columns of each dataset, also those outside of its schema. */
  readonly columnsOf: ReadonlyMap<number, readonly number[]>;
  readonly #ids: Map<string, number>;
  readonly #wholes: Map<number, number>;

  constructor(document: StaticDocument) {
    this.datasets = document.datasets;
    this.jobs = document.jobs;
    this.links = ends(document.links, document.tools);
    this.columnLinks = ends(document.column_links, document.kinds);
    this.columnDataset = document.columns.dataset;
    this.columnName = document.columns.name;
    this.#ids = new Map(this.datasets.map((one, at) => [`${one.namespace}/${one.name}`, at]));
    const columnsOf = new Map<number, number[]>();
    this.#wholes = new Map();
    this.columnDataset.forEach((dataset, column) => {
      const known = columnsOf.get(dataset);
      if (known) known.push(column);
      else columnsOf.set(dataset, [column]);
      if (this.columnName[column] === WHOLE) this.#wholes.set(dataset, column);
    });
    this.columnsOf = columnsOf;
  }

  /** The place of a dataset; -1 if there is none of the id. */
  at(id: string): number {
    return this.#ids.get(id) ?? -1;
  }

  whole(dataset: number): number | undefined {
    return this.#wholes.get(dataset);
  }

  /** The place of a column. One of which nothing is known gets a place of its own, so that it can be asked about. */
  column(dataset: number, name: string): number {
    const known = this.columnsOf.get(dataset)?.find((column) => this.columnName[column] === name);
    if (known !== undefined) return known;
    this.columnDataset.push(dataset);
    return this.columnName.push(name) - 1;
  }

  name(dataset: number): Name {
    const { namespace, name } = this.datasets[dataset]!;
    return { namespace, name };
  }

  columns(dataset: number): Column[] {
    const one = this.datasets[dataset]!;
    return one.schema.map((column) => ({ ...column, tags: one.tags.filter((tag: Tag) => tag.column === column.name) }));
  }

  /** The latest run of the jobs that write a dataset. */
  lastRun(dataset: number): Run | null {
    const runs = this.datasets[dataset]!.producers.flatMap((job) => this.jobs[job]!.runs.slice(0, 1));
    return runs.sort(newestFirst)[0] ?? null;
  }
}

export function timeOf(run: Run): string {
  return run.ended_at ?? run.started_at ?? "";
}

export function newestFirst(a: Run, b: Run): number {
  const [left, right] = [timeOf(a), timeOf(b)];
  if (left !== right) return left < right ? 1 : -1;
  const key = (run: Run): string => `${run.job.namespace}\n${run.job.name}\n${run.id}`;
  return key(a) < key(b) ? 1 : -1;
}
