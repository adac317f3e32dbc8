/** Search in the datasets of a file, ranked as consumer/query/catalog/search.py ranks. */

import type { Match, SearchAnswer } from "../types.ts";
import type { StaticDataset, StaticGraph } from "./graph.ts";

interface Entry {
  at: number;
  name: string;
  fields: [string, string, number][];
  engine: string;
  owners: string[];
  tags: string[];
  columns: string[];
  columnNames: string[];
}

const FILTERS = ["engine", "owner", "tag", "column"];

function tagTexts(dataset: StaticDataset): string[] {
  return dataset.tags.flatMap((tag) => [tag.key, /^(true)?$/i.test(tag.value) ? tag.key : `${tag.key}=${tag.value}`]);
}

function entry(dataset: StaticDataset, at: number): Entry {
  const low = (texts: readonly string[]): string[] => texts.map((text) => text.toLowerCase());
  const names = dataset.schema.map((column) => column.name).sort();
  const lists = {
    aliases: low(dataset.aliases.map((alias) => `${alias.namespace}/${alias.name}`)),
    tags: low(tagTexts(dataset)),
    owners: low(dataset.owners),
    columns: low(names),
  };
  return {
    at,
    name: dataset.node_name.toLowerCase(),
    engine: dataset.engine.toLowerCase(),
    ...lists,
    columnNames: names,
    fields: [
      ["name", `${dataset.namespace}/${dataset.name}`.toLowerCase(), 45],
      ["alias", lists.aliases.join("\n"), 40],
      ["tag", lists.tags.join("\n"), 35],
      ["owner", lists.owners.join("\n"), 35],
      ["column", lists.columns.join("\n"), 30],
      ["description", (dataset.description ?? "").toLowerCase(), 15],
    ],
  };
}

function atWord(text: string, term: string): boolean {
  const at = text.indexOf(term);
  return at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1]!);
}

function fieldOf(one: Entry, term: string): [string, number] | null {
  if (term === one.name) return ["name", 100];
  if (one.name.startsWith(term)) return ["name", 80];
  if (one.name.includes(term)) return ["name", atWord(one.name, term) ? 70 : 55];
  for (const [where, text, score] of one.fields) {
    if (text.includes(term)) return [where, score + (atWord(text, term) ? 5 : 0)];
  }
  return null;
}

function parsed(text: string): { terms: string[]; filters: [string, string][] } {
  const terms: string[] = [];
  const filters: [string, string][] = [];
  for (const [, key, quoted, word] of text.matchAll(/(?:(\w+):)?"([^"]+)"|(\S+)/g)) {
    const [name, ...rest] = (word ?? "").split(":");
    const value = rest.join(":");
    if (key && FILTERS.includes(key)) filters.push([key, quoted!.toLowerCase()]);
    else if (value && FILTERS.includes(name!)) filters.push([name!, value.toLowerCase()]);
    else terms.push((quoted ?? word!).toLowerCase());
  }
  return { terms, filters };
}

function passes(one: Entry, [key, value]: [string, string]): boolean {
  if (key === "engine") return one.engine.startsWith(value);
  if (key === "owner") return one.owners.some((owner) => owner.includes(value));
  return (key === "tag" ? one.tags : one.columns).includes(value);
}

export class StaticSearch {
  readonly #graph: StaticGraph;
  readonly #entries: Entry[];

  constructor(graph: StaticGraph) {
    this.#graph = graph;
    this.#entries = graph.datasets.map(entry);
  }

  search(text: string, limit: number): SearchAnswer {
    const { terms, filters } = parsed(text);
    const wanted = [...terms, ...filters.filter(([key]) => key === "column").map(([, value]) => value)];
    const found: { one: Entry; matched: string; score: number }[] = [];
    for (const one of this.#entries) {
      if (!filters.every((filter) => passes(one, filter))) continue;
      let [score, matched, complete] = [0, terms.length > 0 ? "name" : (filters[0]?.[0] ?? "name"), true];
      for (const term of terms) {
        const where = fieldOf(one, term);
        if (!where) {
          complete = false;
          break;
        }
        if (score === 0 || where[1] < score) matched = where[0];
        score += where[1];
      }
      if (complete) found.push({ one, matched, score });
    }
    const graph = this.#graph;
    const name = (at: number): string => graph.datasets[at]!.node_name;
    found.sort((a, b) => b.score - a.score || name(a.one.at).length - name(b.one.at).length || a.one.at - b.one.at);
    const results = found.slice(0, limit).map(({ one, matched }): Match => {
      const dataset = graph.datasets[one.at]!;
      const columns = one.columnNames.filter((_, at) => wanted.some((term) => one.columns[at]!.includes(term)));
      return { ...dataset, matched, matched_columns: columns.slice(0, 10), last_run: graph.lastRun(one.at) };
    });
    return { total: found.length, results };
  }
}
