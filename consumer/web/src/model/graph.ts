/** The part of the graph that the page knows: answers, put together. */

import type { Card, GraphAnswer } from "../data/types.ts";
import { idOf } from "./names.ts";

export type Direction = "<" | ">";

export interface Graph {
  cards: ReadonlyMap<string, Card>;
  /** By source its targets, each with the tools that make it. */
  out: ReadonlyMap<string, ReadonlyMap<string, string>>;
  into: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export const NO_GRAPH: Graph = { cards: new Map(), out: new Map(), into: new Map() };

type Links = Map<string, Map<string, string>>;

function copied(links: Graph["out"]): Links {
  return new Map([...links].map(([id, ends]) => [id, new Map(ends)]));
}

function link(links: Links, from: string, to: string, tool: string): void {
  const ends = links.get(from) ?? new Map<string, string>();
  const tools = new Set((ends.get(to) ?? "").split(", ").filter(Boolean));
  if (tool) tools.add(tool);
  ends.set(to, [...tools].sort().join(", "));
  links.set(from, ends);
}

/** The graph with an answer; where both know a dataset, the answer's card counts, but a known run stays. */
export function merged(graph: Graph, answer: GraphAnswer): Graph {
  const cards = new Map(graph.cards);
  const ids = answer.nodes.map((card) => idOf(card));
  answer.nodes.forEach((card, at) => {
    const before = cards.get(ids[at]!);
    cards.set(ids[at]!, { ...card, last_run: card.last_run ?? before?.last_run ?? null });
  });
  const out = copied(graph.out);
  const into = copied(graph.into);
  for (const [source, target, tool] of answer.links) {
    link(out, ids[source]!, ids[target]!, tool);
    link(into, ids[target]!, ids[source]!, tool);
  }
  return { cards, out, into };
}

/** The id of the node that an answer is about. */
export function rootOf(answer: GraphAnswer): string {
  const { namespace, name } = answer.root;
  return idOf(answer.nodes.find((card) => card.namespace === namespace && card.name === name) ?? answer.root);
}

/** The direct neighbours that are known, by name. */
export function neighbours(graph: Graph, id: string, direction: Direction): string[] {
  const links = direction === "<" ? graph.into : graph.out;
  return [...(links.get(id)?.keys() ?? [])].sort((a, b) => compare(graph, a, b));
}

function compare(graph: Graph, a: string, b: string): number {
  const [left, right] = [graph.cards.get(a), graph.cards.get(b)];
  return weight(right) - weight(left) || (left?.node_name ?? a).localeCompare(right?.node_name ?? b) || (a < b ? -1 : 1);
}

/** Of many neighbours, those with a failure are shown first, then those on which most depends. */
function weight(card: Card | undefined): number {
  if (!card) return 0;
  const last = card.last_run;
  const failed = card.tests.failed > 0 || last?.state === "FAIL" || (last?.state === "ABORT" && !last.skipped);
  return (failed ? 1_000_000 : 0) + card.uses;
}

/** How many direct neighbours a dataset has, also those that no answer named yet. */
export function degree(graph: Graph, id: string, direction: Direction): number {
  const card = graph.cards.get(id);
  const known = (direction === "<" ? graph.into : graph.out).get(id)?.size ?? 0;
  return Math.max(known, (direction === "<" ? card?.sources : card?.uses) ?? 0);
}
