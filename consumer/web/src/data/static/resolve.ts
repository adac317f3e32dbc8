/** Datasets and columns by what a reader calls them. */

import { datasetName } from "../../model/names.ts";
import { Failure } from "../source.ts";
import type { StaticGraph } from "./graph.ts";

/** A dataset by its id, its name or the end of it; what is behind it is a column. */
export function resolve(graph: StaticGraph, id: string): { dataset: number; column: string | null } {
  const text = datasetName(id);
  const direct = graph.at(text);
  if (direct >= 0) return { dataset: direct, column: null };
  const whole = named(graph, text);
  if (whole >= 0) return { dataset: whole, column: null };
  for (let at = text.lastIndexOf("."); at > 0; at = text.lastIndexOf(".", at - 1)) {
    const before = text.slice(0, at);
    const dataset = graph.at(before) >= 0 ? graph.at(before) : named(graph, before);
    if (dataset >= 0) return { dataset, column: text.slice(at + 1) };
  }
  throw new Failure("unknown-name", `No dataset is called ${text}.`);
}

function named(graph: StaticGraph, text: string): number {
  const ends = graph.datasets.map((one, at) => ({ at, name: one.name }));
  const exact = ends.filter((one) => one.name === text);
  const found = exact.length > 0 ? exact : ends.filter((one) => one.name.endsWith(`.${text}`) || one.name.endsWith(`/${text}`));
  return found.length === 1 ? found[0]!.at : -1;
}
