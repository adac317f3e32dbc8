/** Shapes of the answers of /api/v2 that the page reads. Unknown is null. */

export interface Name {
  namespace: string;
  name: string;
}

export interface Target extends Name {
  node_name: string;
  column?: string;
}

export interface RunState {
  state: string | null;
  started_at: string | null;
  ended_at: string | null;
  /** Why dbt skipped it: nothing was executed. */
  skipped: string | null;
}

export interface TestCounts {
  passed: number;
  failed: number;
}

export interface Card extends Name {
  node_name: string;
  kind: string;
  upstream: number | null;
  downstream: number | null;
  engine: string;
  materialized: string | null;
  lifecycle: string | null;
  owners: string[];
  tags: string[];
  tests: TestCounts;
  columns: number | null;
  sources: number;
  uses: number;
  exposure: { type: string | null; url: string | null; owner: string | null } | null;
  last_run: RunState | null;
}

/** Places of source and target in `nodes`, and the tool. */
export type GraphLink = [number, number, string];

export interface GraphAnswer {
  root: Target;
  nodes: Card[];
  links: GraphLink[];
  levels: { upstream: number[]; downstream: number[] };
  total: number;
  /** Of an answer about the past: since when all is known, if a prune has removed runs. */
  known_since?: string | null;
}

export interface Tag {
  key: string;
  value: string;
  source: string;
  column: string | null;
}

export interface TestResult {
  name: string;
  assertion: string;
  column: string | null;
  success: boolean;
  severity: string | null;
}

export interface Summary extends Name {
  node_name: string;
  engine: string;
  description: string | null;
  owners: string[];
  tags: Tag[];
  materialized: string | null;
  lifecycle: string | null;
  tests: TestResult[];
}

export interface Exposure {
  name: string;
  type: string | null;
  url: string | null;
  owner: string | null;
}

export interface RunRef {
  job: Name;
  id: string;
}

export interface Run extends RunState {
  id: string;
  job: Name;
  duration_s: number | null;
  error: string | null;
  parent: RunRef | null;
  inputs: Name[];
  outputs: Name[];
}

export interface RunsAnswer {
  total: number;
  runs: Run[];
}

export interface Producer extends Name {
  type: string | null;
  integration: string | null;
  description: string | null;
  source_path: string | null;
  sql: string | null;
  last_run: Run | null;
}

export interface Column {
  name: string;
  type: string | null;
  description: string | null;
  tags: Tag[];
}

export interface Dataset extends Summary {
  aliases: Name[];
  apart: Name[];
  columns: Column[];
  producers: Producer[];
  readers: Name[];
  upstream: number;
  downstream: number;
  exposures: Exposure[];
  statistics: Record<string, unknown>;
  version: string | null;
  source_uri: string | null;
}

export interface Match extends Summary {
  matched: string;
  matched_columns: string[];
  last_run: RunState | null;
}

export interface SearchAnswer {
  total: number;
  results: Match[];
}

export type Change = "drop" | "rename" | "type" | "stop";
export type Certainty = "direct" | "indirect" | "unknown";

export interface Affected extends Summary {
  depth: number;
  certainty: Certainty;
  columns: string[];
  exposures: Exposure[];
}

export interface ImpactAnswer {
  root: Target;
  change: Change;
  total: number;
  by_depth: Record<string, number>;
  owners: Record<string, number>;
  affected: Affected[];
  unknown_at: Name[];
  changed: Affected;
}

export interface Finding {
  dataset: Target;
  depth: number;
  cause: "failed" | "aborted" | "running" | "quality" | "schema" | "stale" | "dropped" | "skipped";
  detail: string;
  since: string | null;
  owners: string[];
  run: RunRef | null;
}

export interface WhyAnswer {
  root: Name;
  checked: number;
  findings: Finding[];
  without_runs: Name[];
}

export interface LineageNode extends Target {
  kind?: string;
  direction: "root" | "upstream" | "downstream" | "both";
  depth: number;
}

export interface LineageEdge {
  source: string[];
  target: string[];
  job: [string, string] | null;
  tool?: string;
  transformations?: string[];
}

export interface LineageAnswer {
  root: Target;
  nodes: LineageNode[];
  edges: LineageEdge[];
  unknown: { nodes: LineageNode[]; edges: LineageEdge[] };
}

/** A moment at which a neighbourhood changed. */
export interface Moment {
  time: string;
  changes: number;
  breaking: boolean;
}

export interface MomentsAnswer {
  moments: Moment[];
}

export interface LineageChange {
  /** The element, a dot, and what became of it: `edge.added`. */
  kind: string;
  dataset: Name;
  column: string | null;
  source: Name | null;
  source_column: string | null;
  before: string | null;
  after: string | null;
  breaking: boolean;
}

/** Changes of the edges of a job, or of a dataset. */
export interface ChangeRecord {
  time: string | null;
  job: Name | null;
  run: string | null;
  commit: string | null;
  dataset: Name | null;
  changes: LineageChange[];
}

export interface ChangesAnswer {
  total: number;
  breaking: number;
  records: ChangeRecord[];
  known_since?: string | null;
}
