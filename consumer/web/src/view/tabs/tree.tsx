/** The picture as a list: an ARIA tree with the same content, for the keyboard and for screen readers. */

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Card } from "../../data/types.ts";
import { type Mark, type Marks, SIGNS } from "../../model/changes.ts";
import { type ColumnPath, spelledKind, type Step, WHOLE } from "../../model/column_path.ts";
import { counted, number } from "../../model/format.ts";
import { degree, type Direction, type Graph, neighbours } from "../../model/graph.ts";
import { grouped } from "../../model/group.ts";
import { engineName, lastPart } from "../../model/names.ts";
import type { State } from "../../model/state.ts";
import type { Visible } from "../../model/visible.ts";
import { statusOf } from "../graph/scene.tsx";

export interface Item {
  key: string;
  level: number;
  /** The dataset that it names; empty for headings. */
  node: string;
  column: string;
  label: string;
  notes: string[];
  status: string;
  direction: Direction;
  /** Undefined where nothing hangs below. */
  expanded: boolean | undefined;
  /** True where its branches are shown at another place. */
  repeated: boolean;
  /** Place among its siblings and their number, from 1. */
  place: number;
  siblings: number;
  /** What a comparison found of the dataset or of the edge that leads to it. */
  mark: Mark | null;
}

const HEADINGS: Record<Direction, string> = { "<": "Upstream", ">": "Downstream" };

/** The rows of the tree of datasets. */
export function itemsOf(graph: Graph, visible: Visible, state: State, marks: Marks | null = null): Item[] {
  const shown = new Set(visible.ids);
  const items: Item[] = [];
  for (const direction of ["<", ">"] as const) {
    const total = degree(graph, state.node, direction);
    const below = shownNear(graph, shown, state.node, direction);
    items.push({
      ...blank,
      key: direction,
      label: HEADINGS[direction],
      notes: [total === 0 ? (direction === "<" ? "nothing known" : "nothing known") : `${number(total)} direct`],
      direction,
      node: state.node,
      expanded: total === 0 ? undefined : below.length > 0 && !state.closed.includes(direction + state.node),
      place: direction === "<" ? 1 : 2,
      siblings: 2,
    });
    branches(graph, visible, shown, state, direction, items, marks);
  }
  return items;
}

const blank: Item = {
  key: "",
  level: 1,
  node: "",
  column: "",
  label: "",
  notes: [],
  status: "",
  direction: "<",
  expanded: undefined,
  repeated: false,
  place: 1,
  siblings: 1,
  mark: null,
};

function shownNear(graph: Graph, shown: ReadonlySet<string>, id: string, direction: Direction): string[] {
  return neighbours(graph, id, direction).filter((one) => shown.has(one));
}

/** Each dataset's branches are shown once, where it is nearest to the root. */
function branches(
  graph: Graph,
  visible: Visible,
  shown: ReadonlySet<string>,
  state: State,
  direction: Direction,
  items: Item[],
  marks: Marks | null,
): void {
  const homes = homesOf(graph, shown, state, direction);
  const below = (id: string, level: number, path: string): void => {
    if (state.closed.includes(direction + id)) return;
    const near = shownNear(graph, shown, id, direction);
    near.forEach((child, at) => {
      const own = homes.get(child) === id;
      const rest = degree(graph, child, direction);
      const key = `${path}\n${child}`;
      items.push({
        ...blank,
        key,
        level,
        node: child,
        label: graph.cards.get(child)?.node_name ?? lastPart(child),
        notes: [...changeNotes(marks, id, child, direction), ...(own ? notesOf(graph.cards.get(child), rest, direction) : ["shown at another place"])],
        mark: markAt(marks, id, child, direction),
        status: statusWords(graph.cards.get(child)),
        direction,
        expanded: own && rest > 0 ? isExpanded(graph, shown, state, child, direction) : undefined,
        repeated: !own,
        place: at + 1,
        siblings: near.length,
      });
      if (own) below(child, level + 1, key);
    });
    const stub = visible.stubs.find((one) => one.of === id && one.direction === direction);
    if (stub && near.length > 0) {
      const more = { ...blank, key: `${path}\n${id}\nmore`, level, node: id, direction };
      items.push({ ...more, column: "more", label: `+ ${number(stub.count)} more`, place: near.length, siblings: near.length });
    }
  };
  below(state.node, 2, direction);
}

const linkKey = (id: string, child: string, direction: Direction): string =>
  direction === "<" ? `${child}\n${id}` : `${id}\n${child}`;

/** The mark of a branch: that of the edge to it, or else of the dataset. */
function markAt(marks: Marks | null, id: string, child: string, direction: Direction): Mark | null {
  return marks?.links.get(linkKey(id, child, direction)) ?? marks?.datasets.get(child) ?? null;
}

/** What a comparison found, in words. */
function changeNotes(marks: Marks | null, id: string, child: string, direction: Direction): string[] {
  if (!marks) return [];
  const edge = marks.links.get(linkKey(id, child, direction));
  const columns = [...(marks.columns.get(child) ?? [])].map(([name, mark]) => `${SIGNS[mark]}${name}`);
  const dataset = marks.datasets.get(child);
  return [
    ...(edge ? [`edge ${edge}`] : []),
    ...(dataset && dataset !== "changed" ? [`dataset ${dataset}`] : []),
    ...(dataset === "changed" && columns.length > 0 ? [columns.join(" ")] : []),
  ];
}

function isExpanded(graph: Graph, shown: ReadonlySet<string>, state: State, id: string, direction: Direction): boolean {
  return !state.closed.includes(direction + id) && shownNear(graph, shown, id, direction).length > 0;
}

function homesOf(graph: Graph, shown: ReadonlySet<string>, state: State, direction: Direction): Map<string, string> {
  const homes = new Map<string, string>([[state.node, ""]]);
  let level = [state.node];
  while (level.length > 0) {
    const next: string[] = [];
    for (const id of level) {
      if (state.closed.includes(direction + id)) continue;
      for (const child of shownNear(graph, shown, id, direction)) {
        if (homes.has(child)) continue;
        homes.set(child, id);
        next.push(child);
      }
    }
    level = next;
  }
  return homes;
}

function notesOf(card: Card | undefined, rest: number, direction: Direction): string[] {
  if (!card) return [];
  if (card.kind === "exposure") return [card.exposure?.type ?? "exposure", ...(card.exposure?.owner ? [card.exposure.owner] : [])];
  const notes = [engineName(card.engine)];
  if (card.materialized) notes.push(card.materialized);
  if (card.columns === null) notes.push("columns unknown");
  if (card.tests.failed > 0) notes.push(counted(card.tests.failed, "failed test"));
  if (rest > 0) notes.push(`${number(rest)} ${direction === "<" ? "upstream" : "downstream"}`);
  return notes;
}

function statusWords(card: Card | undefined): string {
  return card ? statusOf(card) : "";
}

/** The rows of the tree of a column's path. */
export function columnItems(path: ColumnPath, graph: Graph): Item[] {
  const items: Item[] = [];
  const key = (dataset: string, column: string): string => `${dataset}\n${column}`;
  for (const direction of ["<", ">"] as const) {
    const up = direction === "<";
    const near = grouped(path.steps, (step) =>
      up ? key(step.target, step.targetColumn) : key(step.source, step.sourceColumn),
    );
    // What goes into all rows of a dataset goes into each of its columns.
    const stepsOf = (dataset: string, column: string): Step[] => [
      ...(near.get(key(dataset, column)) ?? []),
      ...(column === WHOLE ? [] : (near.get(key(dataset, WHOLE)) ?? [])),
    ];
    const seen = new Set([key(path.root.id, path.root.column)]);
    const first = stepsOf(path.root.id, path.root.column);
    items.push({
      ...blank,
      key: direction,
      label: up ? "Made from" : "Used for",
      notes: [first.length === 0 ? nothing(path, up) : counted(first.length, "column")],
      direction,
      expanded: first.length > 0 ? true : undefined,
      place: up ? 1 : 2,
      siblings: 2,
    });
    const below = (dataset: string, column: string, level: number, trail: string): void => {
      const steps = stepsOf(dataset, column);
      steps.forEach((step, at) => {
        const [node, name] = up ? [step.source, step.sourceColumn] : [step.target, step.targetColumn];
        const own = key(node, name);
        const repeated = seen.has(own);
        seen.add(own);
        const more = stepsOf(node, name).length > 0;
        items.push({
          ...blank,
          key: `${trail}\n${at}`,
          level,
          node,
          column: name,
          label: `${graph.cards.get(node)?.node_name ?? lastPart(node)}.${name === WHOLE ? "all rows" : name}`,
          notes: [step.kinds.map(spelledKind).join(", ") || "unspecified", ...(repeated && more ? ["shown at another place"] : [])],
          status: step.direct ? "direct" : "indirect",
          direction,
          expanded: more && !repeated ? true : undefined,
          repeated,
          place: at + 1,
          siblings: steps.length,
        });
        if (!repeated) below(node, name, level + 1, `${trail}\n${at}`);
      });
    };
    below(path.root.id, path.root.column, 2, direction);
  }
  return items;
}

function nothing(path: ColumnPath, up: boolean): string {
  return path.unknown.length > 0 ? "unknown" : up ? "no column" : "no column";
}

const STATUS: Record<string, string> = {
  complete: "last run completed",
  fail: "last run failed",
  abort: "last run aborted",
  running: "running",
  dropped: "dropped",
};

interface TreeProps {
  label: string;
  items: readonly Item[];
  selected: string;
  onSelect(item: Item): void;
  onOpen(item: Item): void;
  onToggle(item: Item, expand: boolean): void;
}

export function Tree({ label, items, selected, onSelect, onOpen, onToggle }: TreeProps): JSX.Element {
  const list = useRef<HTMLUListElement>(null);
  const focusAt = (at: number): void => {
    const elements = list.current!.querySelectorAll<HTMLElement>("[role=treeitem]");
    elements[Math.min(Math.max(at, 0), elements.length - 1)]?.focus();
  };
  const parentOf = (at: number): number => {
    for (let before = at - 1; before >= 0; before--) if (items[before]!.level < items[at]!.level) return before;
    return at;
  };
  const onKey = (event: KeyboardEvent, at: number): void => {
    const item = items[at]!;
    const moves: Record<string, () => void> = {
      ArrowDown: () => focusAt(at + 1),
      ArrowUp: () => focusAt(at - 1),
      Home: () => focusAt(0),
      End: () => focusAt(items.length - 1),
      ArrowRight: () => (item.expanded === false ? onToggle(item, true) : item.expanded ? focusAt(at + 1) : undefined),
      ArrowLeft: () => (item.expanded ? onToggle(item, false) : focusAt(parentOf(at))),
      Enter: () => onOpen(item),
      " ": () => onSelect(item),
    };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move();
  };
  return (
    <ul class="tree" role="tree" aria-label={label} ref={list}>
      {items.map((item, at) => (
        <li
          key={item.key}
          role="treeitem"
          class={item.node === selected && item.level > 1 ? "selected" : ""}
          data-level={Math.min(item.level, 12)}
          aria-level={item.level}
          aria-posinset={item.place}
          aria-setsize={item.siblings}
          aria-expanded={item.expanded}
          aria-selected={item.node === selected && item.level > 1}
          tabIndex={at === 0 ? 0 : -1}
          onKeyDown={(event) => onKey(event, at)}
          onFocus={() => {
            list.current!.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
            list.current!.querySelectorAll<HTMLElement>("[role=treeitem]")[at]?.setAttribute("tabindex", "0");
          }}
          onClick={() => onSelect(item)}
          onDblClick={() => onOpen(item)}
        >
          <span
            class={`twist ${item.expanded === undefined ? "leaf" : item.expanded ? "open" : "shut"}`}
            aria-hidden="true"
            onClick={(event) => {
              if (item.expanded === undefined) return;
              event.stopPropagation();
              onToggle(item, !item.expanded);
            }}
          />
          {item.mark ? (
            <span class={`mark ${item.mark}`} aria-hidden="true">
              {SIGNS[item.mark]}
            </span>
          ) : null}
          {item.status ? <span class={`dot ${item.status}`} aria-hidden="true" /> : null}
          <span class="tree-name">
            {item.label}
            {item.status ? <span class="unseen"> {STATUS[item.status] ?? item.status}</span> : null}
          </span>
          {item.notes.length > 0 ? <span class="tree-notes">{item.notes.join(" · ")}</span> : null}
        </li>
      ))}
    </ul>
  );
}
