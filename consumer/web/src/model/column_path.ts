/** The lineage of one column, as the picture and the lists show it. */

import type { LineageAnswer, LineageEdge } from "../data/types.ts";
import { grouped } from "./group.ts";
import { idOf } from "./names.ts";

export const WHOLE = "*";

export interface Step {
  source: string;
  /** `*` stands for the rows as a whole. */
  sourceColumn: string;
  target: string;
  targetColumn: string;
  /** True if values flow; otherwise the source only decides which rows or branches there are. */
  direct: boolean;
  kinds: string[];
}

export interface ColumnPath {
  root: { id: string; column: string };
  steps: Step[];
  /** The columns of each dataset on the path, sorted; `*` is among them where rows are meant. */
  columns: Map<string, string[]>;
  /** Links by table beyond the end of known column lineage. */
  unknown: [string, string][];
  /** Links to exposures. */
  uses: [string, string][];
  /** Datasets at which column lineage ends. */
  ends: Set<string>;
  /** Steps to the farthest dataset. */
  depth: number;
}

const id = (end: readonly string[]): string => idOf({ namespace: end[0]!, name: end[1]! });

/** True if at least one of the transformations moves values. */
export function isDirect(kinds: readonly string[]): boolean {
  return kinds.length === 0 || kinds.some((kind) => kind.startsWith("DIRECT"));
}

export function columnPath(answer: LineageAnswer, onlyDirect: boolean): ColumnPath {
  const root = { id: idOf(answer.root), column: answer.root.column ?? WHOLE };
  const all = answer.edges.filter((edge) => edge.job !== null && edge.source.length === 3).map(stepOf);
  const steps = onlyDirect ? connected(root, all.filter((step) => step.direct)) : all;
  const columns = new Map<string, string[]>([[root.id, [root.column]]]);
  const note = (dataset: string, column: string): void => {
    const known = columns.get(dataset) ?? [];
    if (!known.includes(column)) columns.set(dataset, [...known, column].sort());
  };
  for (const step of steps) {
    note(step.source, step.sourceColumn);
    note(step.target, step.targetColumn);
  }
  // An exposure uses a table as a whole, so that nothing is unknown about it.
  const uses = new Set(answer.unknown.nodes.filter((node) => node.kind === "exposure").map(idOf));
  const links = answer.unknown.edges.map((edge): [string, string] => [id(edge.source), id(edge.target)]);
  const unknown = links.filter(([, target]) => !uses.has(target));
  const ends = new Set(unknown.flat().filter((one) => columns.has(one)));
  const depth = Math.max(0, ...answer.nodes.map((node) => node.depth), ...answer.unknown.nodes.map((node) => node.depth));
  return { root, steps, columns, unknown, uses: links.filter(([, target]) => uses.has(target)), ends, depth };
}

function stepOf(edge: LineageEdge): Step {
  const kinds = edge.transformations ?? [];
  return {
    source: id(edge.source),
    sourceColumn: edge.source[2]!,
    target: id(edge.target),
    targetColumn: edge.target[2]!,
    direct: isDirect(kinds),
    kinds,
  };
}

/** The steps that values take to or from the root. */
function connected(root: { id: string; column: string }, steps: readonly Step[]): Step[] {
  const key = (dataset: string, column: string): string => `${dataset}\n${column}`;
  const start = key(root.id, root.column);
  const kept = new Set<Step>();
  for (const upstream of [true, false]) {
    const byNear = grouped(steps, (step) =>
      upstream ? key(step.target, step.targetColumn) : key(step.source, step.sourceColumn),
    );
    const waiting = [start];
    const seen = new Set(waiting);
    while (waiting.length > 0) {
      for (const step of byNear.get(waiting.pop()!) ?? []) {
        kept.add(step);
        const far = upstream ? key(step.source, step.sourceColumn) : key(step.target, step.targetColumn);
        if (!seen.has(far)) {
          seen.add(far);
          waiting.push(far);
        }
      }
    }
  }
  return steps.filter((step) => kept.has(step));
}

/** A kind of transformation in words. */
export function spelledKind(kind: string): string {
  const [type, subtype] = kind.split("/");
  const words: Record<string, string> = {
    IDENTITY: "copied as it is",
    TRANSFORMATION: "computed",
    AGGREGATION: "aggregated",
    JOIN: "join condition",
    FILTER: "filter",
    GROUP_BY: "grouping",
    SORT: "ordering",
    WINDOW: "window",
    CONDITIONAL: "condition",
    MASKING: "masked",
  };
  const named = subtype ? (words[subtype] ?? subtype.toLowerCase().replaceAll("_", " ")) : "";
  if (!type) return named || "unspecified";
  return named || (type === "DIRECT" ? "value" : "influence");
}
