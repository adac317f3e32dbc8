/** From what is visible to boxes and lines with places: the one input of the renderer. */

import type { Card, Column } from "../../data/types.ts";
import { extend, type Home, layout, type Layout, type Point } from "../../layout/layout.ts";
import type { Mark, Marks } from "../../model/changes.ts";
import { type ColumnPath, spelledKind, WHOLE } from "../../model/column_path.ts";
import { counted } from "../../model/format.ts";
import { type Graph } from "../../model/graph.ts";
import type { State } from "../../model/state.ts";
import type { Stub, Visible } from "../../model/visible.ts";

export const WIDTH = 236;
export const HEAD = 54;
export const ROW = 21;
const STUB = { width: 116, height: 30 };
/** Columns that a box shows; further ones are counted. */
export const MOST_ROWS = 15;

export type Detail = "near" | "far";

export interface Row {
  name: string;
  label: string;
  type: string;
  kind: "plain" | "lit" | "lit root" | "more";
  mark: Mark | null;
}

export interface PictureBox {
  id: string;
  kind: "dataset" | "job" | "exposure" | "stub";
  card: Card | null;
  x: number;
  y: number;
  width: number;
  height: number;
  rows: Row[];
  hidden: { "<": number; ">": number };
  /** True where neighbours are shown that can be hidden. */
  folds: { "<": boolean; ">": boolean };
  count: number;
  selected: boolean;
  isRoot: boolean;
  dim: boolean;
  mark: Mark | null;
}

export interface PictureLine {
  key: string;
  path: string;
  kind: "table" | "direct" | "indirect" | "unknown" | "more" | "use" | "column";
  dim: boolean;
  mark: Mark | null;
  title: string;
  /** The rectangle around it: left, top, right, bottom. */
  bounds: readonly [number, number, number, number];
}

export interface Picture {
  boxes: PictureBox[];
  lines: PictureLine[];
  lit: boolean;
  bounds: { x: number; y: number; width: number; height: number };
}

export interface PictureInput {
  graph: Graph;
  visible: Visible;
  state: State;
  path: ColumnPath | null;
  columns: ReadonlyMap<string, readonly Column[]>;
  /** What a comparison found; null without one. */
  marks: Marks | null;
}

/** The columns that a box shows: opened, lit, and those that a comparison found changed. */
export function rowsOf(input: PictureInput, id: string): Row[] {
  const marks = input.marks?.columns.get(id);
  const onPath = input.path?.columns.get(id)?.filter((name) => name !== WHOLE) ?? [];
  const lit = [...new Set([...onPath, ...(marks?.keys() ?? []), ...movedAt(input.marks, id)])];
  const known = input.columns.get(id) ?? [];
  const opened = input.state.columns.includes(id);
  const types = new Map(known.map((column) => [column.name, column.type ?? ""]));
  const names = opened && known.length > 0 ? [...new Set([...known.map((column) => column.name), ...lit])] : lit;
  const shown = names.length > MOST_ROWS ? chosen(names, lit) : names;
  const isRoot = (name: string): boolean => input.path?.root.id === id && input.path.root.column === name;
  const rows = shown.map((name): Row => {
    const kind = isRoot(name) ? "lit root" : onPath.includes(name) ? "lit" : "plain";
    return { name, label: name, type: types.get(name) ?? "", kind, mark: marks?.get(name) ?? null };
  });
  const rest = names.length - shown.length;
  return rest > 0 ? [...rows, { name: "", label: `+ ${counted(rest, "more column")}`, type: "", kind: "more", mark: null }] : rows;
}

/** The columns of a dataset at which edges were added or removed. */
function movedAt(marks: Marks | null, id: string): string[] {
  const ends = (marks?.lines ?? []).flatMap((line) => [
    ...(line.source === id ? [line.sourceColumn] : []),
    ...(line.target === id ? [line.targetColumn] : []),
  ]);
  return ends.filter((name) => name !== WHOLE);
}

/** Of many columns, the lit ones and as many others as there is room for, in their order. */
function chosen(names: readonly string[], lit: readonly string[]): string[] {
  const kept = new Set(lit.slice(0, MOST_ROWS));
  for (const name of names) if (kept.size < MOST_ROWS) kept.add(name);
  return names.filter((name) => kept.has(name));
}

const stubId = (direction: string, of: string): string => `more ${direction}${of}`;

/** The entry of the state's `opened` that shows what the stub of an id stands for; null for the id of a dataset or job. */
export function stubEntry(stubs: readonly Stub[], id: string): string | null {
  const stub = stubs.find((one) => stubId(one.direction, one.of) === id);
  return stub ? `${stub.direction}${stub.of}` : null;
}

interface Drawn {
  /** Changes when places have to be found. */
  shape: string;
  ids: string[];
  edges: [number, number][];
  sizes: { id: string; width: number; height: number }[];
  rows: Map<string, Row[]>;
}

function drawn(input: PictureInput): Drawn {
  const { visible } = input;
  const ids = [...visible.ids, ...visible.stubs.map((stub) => stubId(stub.direction, stub.of))];
  const at = new Map(ids.map((id, place) => [id, place]));
  const edges = visible.edges.map(([source, target]): [number, number] => [at.get(source)!, at.get(target)!]);
  const both = new Set(edges.map(([source, target]) => `${source} ${target}`));
  for (const step of input.path?.steps ?? []) {
    const [source, target] = [at.get(step.source), at.get(step.target)];
    if (source === undefined || target === undefined || source === target || both.has(`${source} ${target}`)) continue;
    both.add(`${source} ${target}`);
    edges.push([source, target]);
  }
  for (const stub of visible.stubs) {
    const [own, of] = [at.get(stubId(stub.direction, stub.of))!, at.get(stub.of)!];
    edges.push(stub.direction === ">" ? [of, own] : [own, of]);
  }
  const rows = new Map(visible.ids.map((id) => [id, rowsOf(input, id)]));
  const sizes = ids.map((id) => {
    const count = rows.get(id)?.length;
    if (count === undefined) return { id, ...STUB };
    return { id, width: WIDTH, height: HEAD + (count > 0 ? count * ROW + 10 : 0) };
  });
  const shape = `${sizes.map((size) => `${size.id} ${size.height}`).join("\n")}\n${edges.join(" ")}`;
  return { shape, ids, edges, sizes, rows };
}

/** Lays out what is visible; with places of before, what was there stays. */
export function arrange(
  input: PictureInput,
  homes: ReadonlyMap<string, Home> | null,
  before: { shape: string; layout: Layout } | null,
): { drawn: Drawn; layout: Layout } {
  const shown = drawn(input);
  if (before?.shape === shown.shape) return { drawn: shown, layout: before.layout };
  const places = homes ? extend(shown.sizes, shown.edges, 0, homes) : layout(shown.sizes, shown.edges, 0);
  return { drawn: shown, layout: places };
}

export function picture(
  input: PictureInput,
  shown: Drawn,
  places: Layout,
  matches: ((card: Card) => boolean) | null,
): Picture {
  const { visible, state, path } = input;
  const onPath = new Set(path ? [...path.columns.keys(), ...path.unknown.flat(), ...path.uses.flat()] : []);
  const at = new Map(shown.ids.map((id, place) => [id, place]));
  const stubs = new Map(visible.stubs.map((stub) => [stubId(stub.direction, stub.of), stub]));
  const near = endpoints(visible.edges);
  const boxes = places.boxes.map((place): PictureBox => {
    const stub = stubs.get(place.id);
    const card = input.graph.cards.get(place.id) ?? null;
    return {
      ...place,
      kind: stub ? "stub" : kindOf(card),
      card,
      rows: shown.rows.get(place.id) ?? [],
      hidden: visible.hidden.get(place.id) ?? { "<": 0, ">": 0 },
      folds: foldable(place.id, state.node, place.rank, near),
      count: stub?.count ?? 0,
      selected: place.id === state.selected,
      isRoot: place.id === state.node,
      dim: (path !== null && !onPath.has(place.id)) || (matches !== null && card !== null && !matches(card)),
      mark: input.marks?.datasets.get(place.id) ?? null,
    };
  });
  const lines = [
    ...shown.edges.flatMap((edge, place) => tableLine(input, boxes, edge, places.ways[place]!, stubs.size)),
    ...(path ? columnLines(path, boxes, at, shown, places) : movedLines(input.marks, boxes, at, shown, places)),
  ];
  return { boxes, lines, lit: path !== null, bounds: boundsOf(boxes) };
}

function kindOf(card: Card | null): "dataset" | "job" | "exposure" {
  return card?.kind === "exposure" || card?.kind === "job" ? card.kind : "dataset";
}

interface Near {
  sources: Set<string>;
  targets: Set<string>;
}

function endpoints(edges: readonly [string, string][]): Near {
  return { sources: new Set(edges.map(([source]) => source)), targets: new Set(edges.map(([, target]) => target)) };
}

/** What lies away from the root can be folded. */
function foldable(id: string, root: string, rank: number, near: Near): { "<": boolean; ">": boolean } {
  return {
    "<": near.targets.has(id) && (id === root || rank < 0),
    ">": near.sources.has(id) && (id === root || rank > 0),
  };
}

function tableLine(
  input: PictureInput,
  boxes: readonly PictureBox[],
  [source, target]: readonly [number, number],
  way: readonly Point[],
  stubs: number,
): PictureLine[] {
  const [from, to] = [boxes[source]!, boxes[target]!];
  if (from.kind !== "stub" && to.kind !== "stub" && !linked(input.graph, from.id, to.id)) return [];
  const unknown = input.path?.unknown.some((pair) => pair[0] === from.id && pair[1] === to.id) ?? false;
  const isStub = stubs > 0 && (from.kind === "stub" || to.kind === "stub");
  const kind = unknown ? "unknown" : isStub ? "more" : to.kind === "exposure" ? "use" : "table";
  const tool = input.graph.out.get(from.id)?.get(to.id) ?? "";
  const mark = input.marks?.links.get(`${from.id}\n${to.id}`) ?? null;
  return [
    {
      ...curve(exit(from, HEAD / 2), way, entry(to, HEAD / 2)),
      key: `${from.id}\n${to.id}`,
      kind,
      dim: input.path !== null && !unknown && kind !== "use",
      mark,
      title: [mark ?? "", unknown ? "column lineage is unknown here" : tool].filter(Boolean).join(": "),
    },
  ];
}

function linked(graph: Graph, source: string, target: string): boolean {
  return graph.out.get(source)?.has(target) ?? false;
}

function exit(box: PictureBox, y: number): Point {
  return { x: box.x + box.width, y: box.y + Math.min(y, box.height / 2 + (box.rows.length > 0 ? 1e6 : 0)) };
}

function entry(box: PictureBox, y: number): Point {
  return { x: box.x, y: box.y + Math.min(y, box.height / 2 + (box.rows.length > 0 ? 1e6 : 0)) };
}

function columnLines(
  path: ColumnPath,
  boxes: readonly PictureBox[],
  at: ReadonlyMap<string, number>,
  shown: Drawn,
  places: Layout,
): PictureLine[] {
  const ways = new Map(shown.edges.map(([source, target], place) => [`${source} ${target}`, places.ways[place]!]));
  return path.steps.flatMap((step): PictureLine[] => {
    const [source, target] = [at.get(step.source), at.get(step.target)];
    if (source === undefined || target === undefined || source === target) return [];
    const [from, to] = [boxes[source]!, boxes[target]!];
    const way = ways.get(`${source} ${target}`) ?? [];
    return [
      {
        ...curve(exit(from, port(from, step.sourceColumn)), way, entry(to, port(to, step.targetColumn))),
        key: `${step.source}\n${step.sourceColumn}\n${step.target}\n${step.targetColumn}`,
        kind: step.direct ? "direct" : "indirect",
        dim: false,
        mark: null,
        title: `${spelled(step.sourceColumn)} → ${spelled(step.targetColumn)}: ${step.kinds.map(spelledKind).join(", ") || "unspecified"}`,
      },
    ];
  });
}

/** Column edges that a comparison found added or removed. */
function movedLines(
  marks: Marks | null,
  boxes: readonly PictureBox[],
  at: ReadonlyMap<string, number>,
  shown: Drawn,
  places: Layout,
): PictureLine[] {
  const ways = new Map(shown.edges.map(([source, target], place) => [`${source} ${target}`, places.ways[place]!]));
  return (marks?.lines ?? []).flatMap((line): PictureLine[] => {
    const way = ways.get(`${at.get(line.source)} ${at.get(line.target)}`);
    if (!way || line.sourceColumn === WHOLE || line.targetColumn === WHOLE) return [];
    const [from, to] = [boxes[at.get(line.source)!]!, boxes[at.get(line.target)!]!];
    return [
      {
        ...curve(exit(from, port(from, line.sourceColumn)), way, entry(to, port(to, line.targetColumn))),
        key: `${line.source}\n${line.sourceColumn}\n${line.target}\n${line.targetColumn}`,
        kind: "column",
        dim: false,
        mark: line.mark,
        title: `${line.mark}: ${line.sourceColumn} → ${line.targetColumn}`,
      },
    ];
  });
}

function spelled(column: string): string {
  return column === WHOLE ? "all rows" : column;
}

/** The height within a box at which lines of a column begin and end. */
function port(box: PictureBox, column: string): number {
  const row = box.rows.findIndex((one) => one.name === column);
  return row < 0 ? HEAD / 2 : HEAD + 5 + row * ROW + ROW / 2;
}

/** A line that leaves to the right, passes points and comes in from the left. */
function curve(from: Point, way: readonly Point[], to: Point): { path: string; bounds: PictureLine["bounds"] } {
  const points = [from, ...way, to];
  let path = `M${round(from.x)} ${round(from.y)}`;
  for (let place = 1; place < points.length; place++) {
    const [a, b] = [points[place - 1]!, points[place]!];
    const inColumn = place % 2 === 0 && place < points.length - 1;
    if (inColumn) {
      path += `H${round(b.x)}`;
      continue;
    }
    const bend = b.x > a.x ? (b.x - a.x) / 2 : 70 + Math.abs(b.y - a.y) / 8;
    path += `C${round(a.x + bend)} ${round(a.y)} ${round(b.x - bend)} ${round(b.y)} ${round(b.x)} ${round(b.y)}`;
  }
  const [xs, ys] = [points.map((point) => point.x), points.map((point) => point.y)];
  const wide = to.x < from.x ? 120 : 0;
  return { path, bounds: [Math.min(...xs) - wide, Math.min(...ys), Math.max(...xs) + wide, Math.max(...ys)] };
}

/** The same line as points, for those who count crossings. */
export function curvePoints(from: Point, way: readonly Point[], to: Point, steps: number): Point[] {
  const ends = [from, ...way, to];
  const points = [from];
  for (let place = 1; place < ends.length; place++) {
    const [a, b] = [ends[place - 1]!, ends[place]!];
    // Both tangents are level: the height follows 3t^2 - 2t^3, and so does, nearly, the way across.
    for (let step = 1; step <= steps; step++) {
      const [t, u] = [step / steps, 1 - step / steps];
      const middle = (a.x + b.x) / 2;
      const x = u ** 3 * a.x + 3 * u * u * t * middle + 3 * u * t * t * middle + t ** 3 * b.x;
      points.push({ x, y: a.y + (b.y - a.y) * (3 * t * t - 2 * t ** 3) });
    }
  }
  return points;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function boundsOf(boxes: readonly PictureBox[]): Picture["bounds"] {
  let [left, top, right, bottom] = [0, 0, 0, 0];
  boxes.forEach((box, at) => {
    left = at === 0 ? box.x : Math.min(left, box.x);
    top = at === 0 ? box.y : Math.min(top, box.y);
    right = at === 0 ? box.x + box.width : Math.max(right, box.x + box.width);
    bottom = at === 0 ? box.y + box.height : Math.max(bottom, box.y + box.height);
  });
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** The part of a picture that lies in a rectangle. */
export function culled(whole: Picture, left: number, top: number, right: number, bottom: number): Picture {
  const boxes = whole.boxes.filter(
    (box) => box.x < right && box.x + box.width > left && box.y < bottom && box.y + box.height > top,
  );
  const lines = whole.lines.filter(
    ({ bounds }) => bounds[0] < right && bounds[2] > left && bounds[1] < bottom && bounds[3] > top,
  );
  return { ...whole, boxes, lines };
}
