/** Lineage of a column, and of tables beyond the end of known column lineage. */

import { WHOLE } from "../../model/column_path.ts";
import { FAR } from "../source.ts";
import type { LineageAnswer, LineageEdge, LineageNode } from "../types.ts";
import { target } from "./cards.ts";
import type { Link, StaticGraph, Way } from "./graph.ts";
import { resolve } from "./resolve.ts";
import { beyond, type Beyond, type ColumnWalk, walkColumns } from "./walk.ts";

export function columnPath(graph: StaticGraph, node: string): LineageAnswer {
  const { dataset, column } = resolve(graph, node);
  const root = graph.column(dataset, column ?? WHOLE);
  const walks = walksFrom(graph, root);
  const ends = { upstream: beyond(graph, walks.upstream, "upstream", FAR), downstream: beyond(graph, walks.downstream, "downstream", FAR) };
  return {
    root: { ...target(graph, dataset), column: column ?? WHOLE },
    nodes: columnNodes(graph, walks),
    edges: columnEdges(graph, walks),
    unknown: { nodes: tableNodes(graph, ends), edges: tableEdges(graph, ends) },
  };
}

function walksFrom(graph: StaticGraph, root: number): Record<Way, ColumnWalk> {
  return { upstream: walkColumns(graph, root, "upstream", FAR), downstream: walkColumns(graph, root, "downstream", FAR) };
}

function columnNodes(graph: StaticGraph, walks: Record<Way, ColumnWalk>): LineageNode[] {
  const all = [...new Set([...walks.upstream.depths.keys(), ...walks.downstream.depths.keys()])];
  return all
    .sort((a, b) => a - b)
    .map((column) => ({
      ...target(graph, graph.columnDataset[column]!),
      column: graph.columnName[column]!,
      ...placed(walks.upstream.depths.get(column), walks.downstream.depths.get(column)),
    }));
}

function end(graph: StaticGraph, column: number): string[] {
  const { namespace, name } = graph.name(graph.columnDataset[column]!);
  return [namespace, name, graph.columnName[column]!];
}

function columnEdges(graph: StaticGraph, walks: Record<Way, ColumnWalk>): LineageEdge[] {
  const links = [...new Set([...walks.upstream.links, ...walks.downstream.links])];
  const inner = [...new Set([...walks.upstream.inner, ...walks.downstream.inner])];
  return [
    ...links.map((link) => ({
      source: end(graph, link.source),
      target: end(graph, link.target),
      job: jobOf(graph, link),
      transformations: link.text ? link.text.split(",") : [],
    })),
    ...inner.map((entry) => {
      const [source, target] = entry.split(" ").map(Number) as [number, number];
      return { source: end(graph, source), target: end(graph, target), job: null, transformations: [] };
    }),
  ];
}

function jobOf(graph: StaticGraph, link: Link): [string, string] | null {
  const job = graph.jobs[link.job];
  return job ? [job.namespace, job.name] : null;
}

function tableNodes(graph: StaticGraph, ends: Record<Way, Beyond>): LineageNode[] {
  const all = [...new Set([...ends.upstream.depths.keys(), ...ends.downstream.depths.keys()])];
  return all
    .sort((a, b) => a - b)
    .map((at) => ({
      ...target(graph, at),
      ...(graph.datasets[at]!.kind === "dataset" ? {} : { kind: graph.datasets[at]!.kind }),
      ...placed(ends.upstream.depths.get(at), ends.downstream.depths.get(at)),
    }));
}

function tableEdges(graph: StaticGraph, ends: Record<Way, Beyond>): LineageEdge[] {
  const ofDataset = (at: number): string[] => [graph.name(at).namespace, graph.name(at).name];
  return [...new Set([...ends.upstream.links, ...ends.downstream.links])].map((link) => ({
    source: ofDataset(link.source),
    target: ofDataset(link.target),
    job: jobOf(graph, link),
    tool: link.text,
  }));
}

function placed(upstream: number | undefined, downstream: number | undefined): Pick<LineageNode, "direction" | "depth"> {
  const depth = Math.min(upstream ?? FAR, downstream ?? FAR);
  if (depth === 0) return { direction: "root", depth };
  if (upstream !== undefined && downstream !== undefined) return { direction: "both", depth };
  return { direction: upstream === undefined ? "downstream" : "upstream", depth };
}
