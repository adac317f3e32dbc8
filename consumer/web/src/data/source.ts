/** Where answers come from: the server's API, or the data inside a file that `headwater export` wrote. */

import type {
  Change,
  ChangesAnswer,
  Dataset,
  GraphAnswer,
  ImpactAnswer,
  LineageAnswer,
  MomentsAnswer,
  RunsAnswer,
  SearchAnswer,
  WhyAnswer,
} from "./types.ts";

export interface GraphQuery {
  node: string;
  upstream: number;
  downstream: number;
  limit?: number;
  states?: boolean;
}

export interface Source {
  /** True if answers can change, so that asking again makes sense; only such a source knows the past. */
  readonly live: boolean;
  /** The one moment that a file shows: the end of its latest run; empty if it has none, or answers are live. */
  readonly moment: string;
  search(text: string, limit: number): Promise<SearchAnswer>;
  /** True if no dataset is known, as before the first event. */
  isEmpty(): Promise<boolean>;
  /** Another moment than that of the state may be asked about, as a comparison does. */
  graph(query: GraphQuery, at?: string): Promise<GraphAnswer>;
  dataset(node: string, at?: string): Promise<Dataset>;
  columnPath(node: string): Promise<LineageAnswer>;
  impact(node: string, change: Change): Promise<ImpactAnswer>;
  why(node: string): Promise<WhyAnswer>;
  runs(node: string | null, state: string | null, limit: number): Promise<RunsAnswer>;
  /** The moments at which the datasets around one changed, oldest first. */
  moments(query: GraphQuery): Promise<MomentsAnswer>;
  /** Differences around a dataset between two moments; `to` is empty for the present. */
  changes(query: GraphQuery, from: string, to: string): Promise<ChangesAnswer>;
}

export type FailureKind = "unknown-name" | "bad-request" | "not-authorized" | "unavailable" | "broken";

/** An answer that is not there, by what a reader can do about it. */
export class Failure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** More steps than any lineage has. */
export const FAR = 100;
