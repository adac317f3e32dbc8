/** Answers queries from a document on stdin, as the page in a file does; JSON to stdout. */

import { readFileSync } from "node:fs";
import { StaticSource } from "../src/data/static/source.ts";
import type { StaticDocument } from "../src/data/static/graph.ts";
import type { Change } from "../src/data/types.ts";

interface Query {
  kind: string;
  node: string;
  upstream: number;
  downstream: number;
  limit: number;
  change: Change;
}

const { document, queries } = JSON.parse(readFileSync(0, "utf-8")) as { document: StaticDocument; queries: Query[] };
const source = new StaticSource(document);

function answer(query: Query): Promise<unknown> {
  const { node, upstream, downstream, limit } = query;
  const asks: Record<string, () => Promise<unknown>> = {
    graph: () => source.graph({ node, upstream, downstream, limit, states: true }),
    dataset: () => source.dataset(node),
    lineage: () => source.columnPath(node),
    impact: () => source.impact(node, query.change),
    why: () => source.why(node),
    runs: () => source.runs(node || null, null, limit),
    search: () => source.search(node, limit),
  };
  return asks[query.kind]!();
}

process.stdout.write(JSON.stringify(await Promise.all(queries.map(answer))));
