/** Where answers come from: the server's API, or the data inside a file that `headwater export` wrote. */

import type {
  Change,
  Dataset,
  GraphAnswer,
  ImpactAnswer,
  LineageAnswer,
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
  /** True if answers can change, so that asking again makes sense. */
  readonly live: boolean;
  search(text: string, limit: number): Promise<SearchAnswer>;
  graph(query: GraphQuery): Promise<GraphAnswer>;
  dataset(node: string): Promise<Dataset>;
  columnPath(node: string): Promise<LineageAnswer>;
  impact(node: string, change: Change): Promise<ImpactAnswer>;
  why(node: string): Promise<WhyAnswer>;
  runs(node: string | null, state: string | null, limit: number): Promise<RunsAnswer>;
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
