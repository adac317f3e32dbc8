/** What a comparison found, by the boxes, rows and lines of the picture that it concerns. */

import type { ChangesAnswer, LineageChange } from "../data/types.ts";
import { idOf, lastPart } from "./names.ts";

export type Mark = "added" | "removed" | "changed";

export interface ColumnLine {
  source: string;
  sourceColumn: string;
  target: string;
  targetColumn: string;
  mark: Mark;
}

export interface Marks {
  datasets: ReadonlyMap<string, Mark>;
  /** By source and target, with a line break between them. */
  links: ReadonlyMap<string, Mark>;
  /** By dataset its columns that were added, removed or got another type. */
  columns: ReadonlyMap<string, ReadonlyMap<string, Mark>>;
  lines: readonly ColumnLine[];
}

export const SIGNS: Record<Mark, string> = { added: "+", removed: "−", changed: "~" };

/** What became of the element of a change. */
export function markOf(change: Pick<LineageChange, "kind">): Mark {
  const verb = change.kind.slice(change.kind.indexOf(".") + 1);
  return verb === "added" || verb === "removed" ? verb : "changed";
}

/** An element that one job lost and another one made is there before and after. */
function put(marks: Map<string, Mark>, key: string, mark: Mark): void {
  const before = marks.get(key);
  marks.set(key, before && before !== mark ? "changed" : mark);
}

export function marksOf(answer: ChangesAnswer): Marks {
  const [datasets, links, columns, lines] = [
    new Map<string, Mark>(),
    new Map<string, Mark>(),
    new Map<string, Map<string, Mark>>(),
    new Map<string, ColumnLine>(),
  ];
  for (const change of answer.records.flatMap((record) => record.changes)) {
    const [element] = change.kind.split(".");
    const [mark, target] = [markOf(change), idOf(change.dataset)];
    const source = change.source ? idOf(change.source) : "";
    if (element === "dataset") put(datasets, target, mark);
    else if (element === "edge") put(links, `${source}\n${target}`, mark);
    else if (element === "column") {
      const own = columns.get(target) ?? new Map<string, Mark>();
      columns.set(target, own.set(change.column!, mark));
    } else if (element === "column_edge") {
      const line = { source, sourceColumn: change.source_column!, target, targetColumn: change.column! };
      const key = Object.values(line).join("\n");
      const before = lines.get(key);
      lines.set(key, { ...line, mark: before && before.mark !== mark ? "changed" : mark });
    }
  }
  for (const id of columns.keys()) if (!datasets.has(id)) datasets.set(id, "changed");
  return { datasets, links, columns, lines: [...lines.values()] };
}

/** A change in words, such as `column titles.runtime: integer → bigint`. */
export function changeWords(change: LineageChange): string {
  const what = change.kind.split(".")[0]!.replace("_", " ");
  const target = named(change.dataset.name, change.column);
  if (change.source) return `${what} ${named(change.source.name, change.source_column)} → ${target}`;
  const types = [change.before, change.after].filter(Boolean).join(" → ");
  return types ? `${what} ${target}: ${types}` : `${what} ${target}`;
}

function named(name: string, column: string | null): string {
  return column ? `${lastPart(name)}.${column === "*" ? "all rows" : column}` : lastPart(name);
}
