/** The server's API as a source of answers. */

import { datasetName } from "../model/names.ts";
import { Failure, FAR, type FailureKind, type GraphQuery, type Source } from "./source.ts";
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

const KEY = "headwater-key";

type Parameters = Record<string, string | number | boolean | null | undefined>;

/** Keeps the key for this tab alone: session storage ends with it. */
export const keys = {
  read: (): string => sessionStorage.getItem(KEY) ?? "",
  write: (key: string): void => sessionStorage.setItem(KEY, key),
};

export class ApiSource implements Source {
  readonly live = true;
  readonly moment = "";
  readonly #base: string;
  readonly #at: () => string;
  /** The answer that the server put into the page, by its query. */
  readonly #first: Map<string, GraphAnswer>;

  constructor(base: string, at: () => string, first?: { query: GraphQuery; at: string; answer: GraphAnswer }) {
    this.#base = base;
    this.#at = at;
    this.#first = new Map(first ? [[spelled(first.query, first.at), first.answer]] : []);
  }

  search(text: string, limit: number): Promise<SearchAnswer> {
    // The index is of the present; what it finds may have been there before.
    return this.#get("/search", { q: text, limit, as_of: null });
  }

  graph(query: GraphQuery, at: string = this.#at()): Promise<GraphAnswer> {
    const key = spelled(query, at);
    const first = this.#first.get(key);
    // Only once: asking again means that the reader wants a newer answer.
    this.#first.delete(key);
    return first ? Promise.resolve(first) : this.#get("/graph", { ...query, as_of: at || null });
  }

  async isEmpty(): Promise<boolean> {
    const page = await this.#get<{ datasets: unknown[] }>("/datasets", { limit: 1, as_of: null });
    return page.datasets.length === 0;
  }

  dataset(node: string, at: string = this.#at()): Promise<Dataset> {
    return this.#get("/dataset", { node: datasetName(node), as_of: at || null });
  }

  columnPath(node: string): Promise<LineageAnswer> {
    return this.#get("/lineage", { node: datasetName(node), upstream: FAR, downstream: FAR });
  }

  impact(node: string, change: Change): Promise<ImpactAnswer> {
    return this.#get("/impact", { node: datasetName(node), change });
  }

  why(node: string): Promise<WhyAnswer> {
    return this.#get("/why", { node: datasetName(node) });
  }

  runs(node: string | null, state: string | null, limit: number): Promise<RunsAnswer> {
    return this.#get("/runs", { node, state, limit });
  }

  moments({ node, upstream, downstream }: GraphQuery): Promise<MomentsAnswer> {
    return this.#get("/moments", { node, upstream, downstream, as_of: null });
  }

  changes({ node, upstream, downstream }: GraphQuery, from: string, to: string): Promise<ChangesAnswer> {
    return this.#get("/changes", { node, upstream, downstream, from, to: to || null, as_of: null });
  }

  async #get<T>(path: string, parameters: Parameters): Promise<T> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ as_of: this.#at(), ...parameters })) {
      if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
    }
    const key = keys.read();
    const headers: Record<string, string> = key ? { Authorization: `Bearer ${key}` } : {};
    let answer: Response;
    try {
      answer = await fetch(`${this.#base}${path}?${query}`, { headers });
    } catch {
      throw new Failure("unavailable", "The server can't be reached.");
    }
    if (!answer.ok) throw await failureOf(answer);
    return (await answer.json()) as T;
  }
}

function spelled(query: GraphQuery, at: string): string {
  return [at, query.node, query.upstream, query.downstream, query.limit ?? "", query.states ?? false].join("\n");
}

async function failureOf(answer: Response): Promise<Failure> {
  const kinds: Record<number, FailureKind> = {
    400: "bad-request",
    401: "not-authorized",
    403: "not-authorized",
    404: "unknown-name",
    503: "unavailable",
  };
  const kind = kinds[answer.status] ?? "broken";
  try {
    const problem = (await answer.json()) as { message?: string };
    return new Failure(kind, problem.message ?? answer.statusText);
  } catch {
    return new Failure(kind, `The server answered ${answer.status} ${answer.statusText}.`);
  }
}
