/** Answers from the graph inside a file, the same as those of the API. */

import { Failure, type GraphQuery, type Source } from "../source.ts";
import type { Change, ChangesAnswer, Dataset, GraphAnswer, ImpactAnswer, LineageAnswer, MomentsAnswer, RunsAnswer, SearchAnswer, WhyAnswer } from "../types.ts";
import { columnPath } from "./column_lineage.ts";
import { describe } from "./dataset.ts";
import { type StaticDocument, StaticGraph } from "./graph.ts";
import { impact } from "./impact.ts";
import { neighbourhood } from "./neighbourhood.ts";
import { rootCauses } from "./root_cause.ts";
import { latestRuns } from "./runs.ts";
import { StaticSearch } from "./search.ts";

export const DATA_VERSION = 1;
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
    return neighbourhood(this.#graph, query);
  }

  async dataset(node: string): Promise<Dataset> {
    return describe(this.#graph, node);
  }

  async columnPath(node: string): Promise<LineageAnswer> {
    return columnPath(this.#graph, node);
  }

  async impact(node: string, change: Change): Promise<ImpactAnswer> {
    return impact(this.#graph, node, change);
  }

  async why(node: string): Promise<WhyAnswer> {
    return rootCauses(this.#graph, node);
  }

  async runs(node: string | null, state: string | null, limit: number): Promise<RunsAnswer> {
    return latestRuns(this.#graph, node, state, limit);
  }
}
