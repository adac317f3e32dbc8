/** Answers from the graph inside a file, the same as those of the API. */

import { isJob, jobId, jobName, lastPart } from "../model/names.ts";
import { Failure, FAR, type GraphQuery, type Source } from "./source.ts";
import { type Link, newestFirst, type StaticDocument, StaticGraph, timeOf, type Way } from "./static_graph.ts";
import { StaticSearch } from "./static_search.ts";
import { beyond, type Beyond, type ColumnWalk, directlyReached, walkColumns, walkDatasets } from "./static_walk.ts";
import type {
  Affected,
  Card,
  Certainty,
  Change,
  ChangesAnswer,
  Dataset,
  Exposure,
  Finding,
  GraphAnswer,
  ImpactAnswer,
  LineageAnswer,
  LineageEdge,
  LineageNode,
  MomentsAnswer,
  Run,
  RunsAnswer,
  RunState,
  SearchAnswer,
  Summary,
  Target,
  WhyAnswer,
} from "./types.ts";

export const DATA_VERSION = 1;
const WHOLE = "*";
const MOST_NAMED = 3;
const NO_PAST = "A file shows one moment; headwater serve knows the past.";

export class StaticSource implements Source {
  readonly live = false;
  readonly moment: string;
  readonly #graph: StaticGraph;
  readonly #search: StaticSearch;

  constructor(document: StaticDocument) {
    if (document.version !== DATA_VERSION) throw new Error(`data of version ${document.version} can't be read`);
    this.#graph = new StaticGraph(document);
    this.#search = new StaticSearch(this.#graph);
    const ends = this.#graph.jobs.flatMap((job) => job.runs.map((run) => run.ended_at ?? ""));
    this.moment = ends.reduce((latest, end) => (end > latest ? end : latest), "");
  }

  /** A file has no past. */
  moments(): Promise<MomentsAnswer> {
    return Promise.reject(new Failure("bad-request", NO_PAST));
  }

  changes(): Promise<ChangesAnswer> {
    return Promise.reject(new Failure("bad-request", NO_PAST));
  }

  async search(text: string, limit: number): Promise<SearchAnswer> {
    return this.#search.search(text, limit);
  }

  async isEmpty(): Promise<boolean> {
    return this.#graph.datasets.length === 0;
  }

  async graph(query: GraphQuery): Promise<GraphAnswer> {
    if (isJob(query.node)) return this.#ofJob(query);
    const graph = this.#graph;
    const { dataset: root, column } = this.#resolve(query.node);
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
      root: { ...this.#target(root), ...(column === null ? {} : { column }) },
      nodes: kept.map((at) => this.#card(at, up.depths.get(at) ?? null, down.depths.get(at) ?? null)),
      links: [...new Map(links.map((link) => [link.join("\n"), link])).values()].sort(byNumbers),
      levels: { upstream: counted(up.depths), downstream: counted(down.depths) },
      total: all.length,
    };
  }

  /** A job with its inputs and outputs; of further steps each dataset is asked for. */
  #ofJob(query: GraphQuery): GraphAnswer {
    const graph = this.#graph;
    const place = graph.jobs.findIndex((job) => `${job.namespace}/${job.name}` === jobName(query.node));
    const job = graph.jobs[place];
    if (!job) throw new Failure("unknown-name", `no job is called ${jobName(query.node)}`);
    const near = (key: "readers" | "producers"): number[] => graph.datasets.flatMap((one, at) => (one[key].includes(place) ? [at] : []));
    const inputs = query.upstream > 0 ? near("readers") : [];
    const outputs = query.downstream > 0 ? near("producers") : [];
    const around = [...new Set([...inputs, ...outputs])];
    const root = { namespace: jobId(job.namespace), name: job.name, node_name: lastPart(job.name) };
    const card: Card = {
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
      nodes: [card, ...around.map((one) => this.#card(one, inputs.includes(one) ? 1 : null, outputs.includes(one) ? 1 : null))],
      links: [
        ...inputs.map((one): [number, number, string] => [at(one), 0, ""]),
        ...outputs.map((one): [number, number, string] => [0, at(one), ""]),
      ],
      levels: { upstream: inputs.length > 0 ? [inputs.length] : [], downstream: outputs.length > 0 ? [outputs.length] : [] },
      total: around.length + 1,
    };
  }

  async dataset(node: string): Promise<Dataset> {
    const graph = this.#graph;
    const at = this.#resolve(node).dataset;
    const one = graph.datasets[at]!;
    const uses = graph.links.downstream.get(at) ?? [];
    return {
      ...this.#summary(at),
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
      exposures: this.#exposures(at),
      statistics: one.statistics,
      version: one.version,
      source_uri: one.source_uri,
    };
  }

  async columnPath(node: string): Promise<LineageAnswer> {
    const { dataset, column } = this.#resolve(node);
    const root = this.#graph.column(dataset, column ?? WHOLE);
    const walks = this.#walks(root);
    const ends = { upstream: beyond(this.#graph, walks.upstream, "upstream", FAR), downstream: beyond(this.#graph, walks.downstream, "downstream", FAR) };
    return {
      root: { ...this.#target(dataset), column: column ?? WHOLE },
      nodes: this.#columnNodes(walks),
      edges: this.#columnEdges(walks),
      unknown: { nodes: this.#tableNodes(ends), edges: this.#tableEdges(ends) },
    };
  }

  async impact(node: string, change: Change): Promise<ImpactAnswer> {
    const { dataset, column } = this.#resolve(node);
    const byColumn = column !== null && column !== WHOLE && change !== "stop";
    const reached = byColumn ? this.#affectedByColumn(dataset, column) : this.#affectedByTable(dataset);
    const affected = [...reached.found].map(([at, one]): Affected => ({
      ...this.#summary(at),
      depth: one.depth,
      certainty: one.certainty,
      columns: [...one.columns].sort(),
      exposures: this.#exposures(at),
    }));
    affected.sort((a, b) => a.depth - b.depth || order(a.node_name, b.node_name) || order(a.namespace, b.namespace) || order(a.name, b.name));
    const owners = new Map<string, number>();
    const depths: Record<string, number> = {};
    for (const one of affected) {
      depths[one.depth] = (depths[one.depth] ?? 0) + 1;
      for (const owner of one.owners) owners.set(owner, (owners.get(owner) ?? 0) + 1);
    }
    const ranked = [...owners].sort((a, b) => b[1] - a[1] || order(a[0], b[0]));
    return {
      root: { ...this.#target(dataset), ...(byColumn ? { column } : {}) },
      change,
      total: affected.length,
      by_depth: depths,
      owners: Object.fromEntries(ranked),
      affected,
      unknown_at: [...reached.ends].sort((a, b) => a - b).map((at) => this.#graph.name(at)),
    };
  }

  async why(node: string): Promise<WhyAnswer> {
    const graph = this.#graph;
    const root = this.#resolve(node).dataset;
    const walk = walkDatasets(graph, root, "upstream", FAR);
    const runs = new Map([...walk.depths.keys()].map((at) => [at, this.#runsOf(at).slice(0, 5 * Math.max(1, graph.datasets[at]!.producers.length))]));
    const findings: Finding[] = [];
    for (const [at, depth] of [...walk.depths].sort((a, b) => a[0] - b[0])) {
      findings.push(...this.#findings(at, depth, runs.get(at)!));
      const stale = this.#stale(at, depth, runs);
      if (stale) findings.push(stale);
    }
    findings.sort((a, b) => order(b.since ?? "", a.since ?? ""));
    findings.sort((a, b) => a.depth - b.depth || Number(a.cause === "stale") - Number(b.cause === "stale"));
    const without = [...walk.depths.keys()].filter((at) => runs.get(at)!.length === 0).sort((a, b) => a - b);
    return { root: graph.name(root), checked: walk.depths.size, findings, without_runs: without.map((at) => graph.name(at)) };
  }

  async runs(node: string | null, state: string | null, limit: number): Promise<RunsAnswer> {
    const found = this.#jobsOf(node).flatMap((job) => this.#graph.jobs[job]!.runs);
    const matching = found.filter((run) => !state || run.state === state).sort(newestFirst);
    return { total: matching.length, runs: matching.slice(0, limit) };
  }

  #jobsOf(node: string | null): number[] {
    const { jobs, datasets } = this.#graph;
    if (node === null) return jobs.map((_, at) => at);
    const named = jobs.flatMap((job, at) => (node === job.name || node === `${job.namespace}/${job.name}` ? [at] : []));
    return named.length > 0 ? named : datasets[this.#resolve(node).dataset]!.producers;
  }

  /** A dataset by its id, its name or the end of it; what is behind it is a column. */
  #resolve(text: string): { dataset: number; column: string | null } {
    const direct = this.#graph.at(text);
    if (direct >= 0) return { dataset: direct, column: null };
    const whole = this.#named(text);
    if (whole >= 0) return { dataset: whole, column: null };
    for (let at = text.lastIndexOf("."); at > 0; at = text.lastIndexOf(".", at - 1)) {
      const before = text.slice(0, at);
      const dataset = this.#graph.at(before) >= 0 ? this.#graph.at(before) : this.#named(before);
      if (dataset >= 0) return { dataset, column: text.slice(at + 1) };
    }
    throw new Failure("unknown-name", `No dataset is called ${text}.`);
  }

  #named(text: string): number {
    const ends = this.#graph.datasets.map((one, at) => ({ at, name: one.name }));
    const exact = ends.filter((one) => one.name === text);
    const found = exact.length > 0 ? exact : ends.filter((one) => one.name.endsWith(`.${text}`) || one.name.endsWith(`/${text}`));
    return found.length === 1 ? found[0]!.at : -1;
  }

  #target(at: number): Target {
    return { ...this.#graph.name(at), node_name: this.#graph.datasets[at]!.node_name };
  }

  #summary(at: number): Summary {
    const { namespace, name, node_name, engine, description, owners, tags, materialized, lifecycle, tests } = this.#graph.datasets[at]!;
    return { namespace, name, node_name, engine, description, owners, tags, materialized, lifecycle, tests };
  }

  #card(at: number, upstream: number | null, downstream: number | null): Card {
    const one = this.#graph.datasets[at]!;
    const failed = one.tests.filter((test) => !test.success).length;
    const tags = one.tags.map((tag) => (/^(true)?$/i.test(tag.value) ? tag.key : `${tag.key}=${tag.value}`));
    const run = this.#graph.lastRun(at);
    return {
      ...this.#target(at),
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
      sources: new Set((this.#graph.links.upstream.get(at) ?? []).map((link) => link.source)).size,
      uses: new Set((this.#graph.links.downstream.get(at) ?? []).map((link) => link.target)).size,
      exposure: one.exposure,
      last_run: run ? stateOf(run) : null,
    };
  }

  #exposures(at: number): Exposure[] {
    const used = (this.#graph.links.downstream.get(at) ?? []).filter((link) => link.job < 0).map((link) => link.target);
    return [...new Set(used)]
      .map((use) => ({ name: lastPart(this.#graph.datasets[use]!.name), ...this.#graph.datasets[use]!.exposure! }))
      .sort((a, b) => order(a.name, b.name));
  }

  #walks(root: number): Record<Way, ColumnWalk> {
    return { upstream: walkColumns(this.#graph, root, "upstream", FAR), downstream: walkColumns(this.#graph, root, "downstream", FAR) };
  }

  #columnNodes(walks: Record<Way, ColumnWalk>): LineageNode[] {
    const all = [...new Set([...walks.upstream.depths.keys(), ...walks.downstream.depths.keys()])];
    return all
      .sort((a, b) => a - b)
      .map((column) => ({
        ...this.#target(this.#graph.columnDataset[column]!),
        column: this.#graph.columnName[column]!,
        ...placed(walks.upstream.depths.get(column), walks.downstream.depths.get(column)),
      }));
  }

  #end(column: number): string[] {
    const { namespace, name } = this.#graph.name(this.#graph.columnDataset[column]!);
    return [namespace, name, this.#graph.columnName[column]!];
  }

  #columnEdges(walks: Record<Way, ColumnWalk>): LineageEdge[] {
    const links = [...new Set([...walks.upstream.links, ...walks.downstream.links])];
    const inner = [...new Set([...walks.upstream.inner, ...walks.downstream.inner])];
    return [
      ...links.map((link) => ({
        source: this.#end(link.source),
        target: this.#end(link.target),
        job: this.#job(link),
        transformations: link.text ? link.text.split(",") : [],
      })),
      ...inner.map((entry) => {
        const [source, target] = entry.split(" ").map(Number) as [number, number];
        return { source: this.#end(source), target: this.#end(target), job: null, transformations: [] };
      }),
    ];
  }

  #job(link: Link): [string, string] | null {
    const job = this.#graph.jobs[link.job];
    return job ? [job.namespace, job.name] : null;
  }

  #tableNodes(ends: Record<Way, Beyond>): LineageNode[] {
    const all = [...new Set([...ends.upstream.depths.keys(), ...ends.downstream.depths.keys()])];
    return all
      .sort((a, b) => a - b)
      .map((at) => ({
        ...this.#target(at),
        ...(this.#graph.datasets[at]!.kind === "dataset" ? {} : { kind: this.#graph.datasets[at]!.kind }),
        ...placed(ends.upstream.depths.get(at), ends.downstream.depths.get(at)),
      }));
  }

  #tableEdges(ends: Record<Way, Beyond>): LineageEdge[] {
    const ofDataset = (at: number): string[] => [this.#graph.name(at).namespace, this.#graph.name(at).name];
    return [...new Set([...ends.upstream.links, ...ends.downstream.links])].map((link) => ({
      source: ofDataset(link.source),
      target: ofDataset(link.target),
      job: this.#job(link),
      tool: link.text,
    }));
  }

  #affectedByTable(dataset: number): Reached {
    const { depths } = walkDatasets(this.#graph, dataset, "downstream", FAR);
    const found = new Map<number, Hit>();
    for (const [at, depth] of depths) {
      if (depth > 0 && this.#isDataset(at)) found.set(at, { depth, certainty: "direct", columns: new Set() });
    }
    return { found, ends: [] };
  }

  #isDataset(at: number): boolean {
    return this.#graph.datasets[at]!.kind === "dataset";
  }

  #affectedByColumn(dataset: number, column: string): Reached {
    const graph = this.#graph;
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
      if (depth > 0 && this.#isDataset(at) && !found.has(at)) found.set(at, { depth, certainty: "unknown", columns: new Set() });
    }
    return { found, ends: [...ends.starts] };
  }

  #runsOf(at: number): Run[] {
    return this.#graph.datasets[at]!.producers.flatMap((job) => this.#graph.jobs[job]!.runs.slice(0, 5)).sort(newestFirst);
  }

  #findings(at: number, depth: number, runs: readonly Run[]): Finding[] {
    const one = this.#graph.datasets[at]!;
    const last = runs[0];
    const found: Finding[] = [];
    const add = (cause: Finding["cause"], detail: string, since: string | null, run: Run | null): void => {
      found.push({ dataset: this.#target(at), depth, cause, detail, since: since || null, owners: one.owners, run: run ? { job: run.job, id: run.id } : null });
    };
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

  #stale(at: number, depth: number, runs: ReadonlyMap<number, Run[]>): Finding | null {
    const completed = (dataset: number): Run | undefined => runs.get(dataset)?.find((run) => run.state === "COMPLETE");
    const own = completed(at);
    if (!own) return null;
    const sources = [...new Set((this.#graph.links.upstream.get(at) ?? []).map((link) => link.source))].sort((a, b) => a - b);
    let newest: { at: number; time: string } | null = null;
    for (const source of sources) {
      const time = completed(source)?.ended_at;
      if (time && time > own.ended_at! && (!newest || time >= newest.time)) newest = { at: source, time };
    }
    if (!newest) return null;
    const { owners } = this.#graph.datasets[at]!;
    const detail = `not rebuilt since ${this.#graph.name(newest.at).name} was written`;
    return { dataset: this.#target(at), depth, cause: "stale", detail, since: own.ended_at, owners, run: { job: own.job, id: own.id } };
  }
}

interface Hit {
  depth: number;
  certainty: Certainty;
  columns: Set<string>;
}

interface Reached {
  found: Map<number, Hit>;
  ends: number[];
}

function stateOf(run: Run): RunState {
  return { state: run.state, started_at: run.started_at, ended_at: run.ended_at };
}

function placed(upstream: number | undefined, downstream: number | undefined): Pick<LineageNode, "direction" | "depth"> {
  const depth = Math.min(upstream ?? FAR, downstream ?? FAR);
  if (depth === 0) return { direction: "root", depth };
  if (upstream !== undefined && downstream !== undefined) return { direction: "both", depth };
  return { direction: upstream === undefined ? "downstream" : "upstream", depth };
}

function counted(depths: ReadonlyMap<number, number>): number[] {
  const most = Math.max(0, ...depths.values());
  const counts = new Array<number>(most).fill(0);
  for (const depth of depths.values()) if (depth > 0) counts[depth - 1]!++;
  return counts;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function byNumbers(a: [number, number, string], b: [number, number, string]): number {
  return a[0] - b[0] || a[1] - b[1] || order(a[2], b[2]);
}
