/**
 * Where boxes stand: columns by distance, rows with few crossings, and places that stay when something opens.
 *
 * A pure function of boxes, edges and, if there were any, the places of before.
 */

import { acyclic, type Adjacency, adjacency, type Box, type Edge, topological } from "./graph.ts";
import { nearestGap, pushDown, spread, type Wish } from "./heights.ts";
import { type Layers, order } from "./order.ts";
import { ranks } from "./ranks.ts";

export type { Box, Edge } from "./graph.ts";

export const GAP = 18;
export const COLUMN_GAP = 96;
const WAY = 6;
const SWEEPS = 6;

/** A place of before: the column, and the top without what others pushed down. */
export interface Home {
  rank: number;
  top: number;
}

export interface Point {
  x: number;
  y: number;
}

export interface Placed {
  id: string;
  rank: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Layout {
  boxes: Placed[];
  /** For each edge the points between its ends that it passes: pairs, the left and right side of a column. */
  ways: Point[][];
  homes: Map<string, Home>;
  crossings: number;
}

/** Lays out a graph anew. */
export function layout(boxes: readonly Box[], edges: readonly Edge[], root: number): Layout {
  if (boxes.length === 0) return { boxes: [], ways: [], homes: new Map(), crossings: 0 };
  const forward = acyclic(boxes.length, edges, root);
  const rank = ranks(boxes.length, forward, root);
  const proper = layered(boxes, forward, rank);
  const crossings = order(proper.graph);
  const wished = heights(proper, boxes);
  const shift = wished[root]! + boxes[root]!.height / 2;
  const tops = whole(proper, boxes, wished.map((top) => top - shift));
  const homes = new Map(boxes.map((box, at) => [box.id, { rank: rank[at]!, top: tops[at]! }]));
  const x = columns(boxes, rank);
  const placed = boxes.map((box, at) => ({ ...box, rank: rank[at]!, x: x.get(rank[at]!)!, y: tops[at]! }));
  const width = widths(boxes, rank);
  const ways = edges.map(([source, target]) =>
    (proper.chains.get(source * boxes.length + target) ?? []).flatMap((way) => {
      const left = x.get(proper.rank[way]!)!;
      const y = tops[way]! + WAY / 2;
      return [
        { x: left, y },
        { x: left + width.get(proper.rank[way]!)!, y },
      ];
    }),
  );
  return { boxes: placed, ways, homes, crossings };
}

interface Proper {
  graph: Layers;
  /** The column of each box and way point. */
  rank: number[];
  /** The way points of an edge that passes columns, by source and target. */
  chains: Map<number, number[]>;
}

/** Cuts edges that pass columns into steps from column to column, with way points between. */
function layered(boxes: readonly Box[], edges: readonly Edge[], rank: readonly number[]): Proper {
  const lowest = Math.min(...rank);
  const all = [...rank];
  const steps: Edge[] = [];
  const chains = new Map<number, number[]>();
  for (const [source, target] of edges) {
    const chain: number[] = [];
    let from = source;
    for (let at = rank[source]! + 1; at < rank[target]!; at++) {
      all.push(at);
      chain.push(all.length - 1);
      steps.push([from, all.length - 1]);
      from = all.length - 1;
    }
    steps.push([from, target]);
    if (chain.length > 0) chains.set(source * boxes.length + target, chain);
  }
  const near = adjacency(all.length, steps);
  const layers: number[][] = Array.from({ length: Math.max(...rank) - lowest + 1 }, () => []);
  for (const box of depthFirst(all.length, near)) layers[all[box]! - lowest]!.push(box);
  return { graph: { layers, ...near }, rank: all, chains };
}

/** Boxes as a walk along edges in both directions meets them: neighbours begin near to each other. */
function depthFirst(count: number, { out, into }: Adjacency): number[] {
  const seen = new Uint8Array(count);
  const found: number[] = [];
  for (let start = 0; start < count; start++) {
    if (seen[start]) continue;
    const stack = [start];
    while (stack.length > 0) {
      const box = stack.pop()!;
      if (seen[box]) continue;
      seen[box] = 1;
      found.push(box);
      for (const next of [...out[box]!, ...into[box]!].reverse()) if (!seen[next]) stack.push(next);
    }
  }
  return found;
}

function heights(proper: Proper, boxes: readonly Box[]): number[] {
  const { layers, out, into } = proper.graph;
  const size = (box: number): number => boxes[box]?.height ?? WAY;
  const middle = new Array<number>(proper.rank.length).fill(0);
  const settle = (layer: readonly number[], wish: (box: number) => number): void => {
    const tops = spread(
      layer.map((box): Wish => ({ middle: wish(box), size: size(box) })),
      GAP,
    );
    layer.forEach((box, at) => {
      middle[box] = tops[at]! + size(box) / 2;
    });
  };
  for (const layer of layers) {
    let top = 0;
    const total = layer.reduce((sum, box) => sum + size(box) + GAP, 0);
    settle(layer, (box) => {
      top += size(box) + GAP;
      return top - size(box) / 2 - total / 2;
    });
  }
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    const last = sweep >= SWEEPS - 2;
    for (let step = 0; step < layers.length; step++) {
      const layer = layers[down ? step : layers.length - 1 - step]!;
      settle(layer, (box) => {
        const near = last ? [...into[box]!, ...out[box]!] : down ? into[box]! : out[box]!;
        return near.length > 0 ? near.reduce((sum, other) => sum + middle[other]!, 0) / near.length : middle[box]!;
      });
    }
  }
  return middle.map((value, box) => value - size(box) / 2);
}

/**
 * Whole numbers near to the tops, with all gaps: sums of sizes and gaps stay exact, and so do places that must not move.
 * Rounding alone may take a unit from a gap, where a sum of fractions came out below the number that it stands for.
 */
function whole(proper: Proper, boxes: readonly Box[], tops: readonly number[]): number[] {
  const found = tops.map(Math.floor);
  for (const layer of proper.graph.layers) {
    const apart = pushDown(
      layer.map((box) => found[box]!),
      layer.map((box) => boxes[box]?.height ?? WAY),
      GAP,
    );
    layer.forEach((box, at) => {
      found[box] = apart[at]!;
    });
  }
  return found;
}

function widths(boxes: readonly Box[], rank: readonly number[]): Map<number, number> {
  const found = new Map<number, number>();
  boxes.forEach((box, at) => found.set(rank[at]!, Math.max(found.get(rank[at]!) ?? 0, box.width)));
  return found;
}

/** The left side of each column; the root's column begins at 0. */
function columns(boxes: readonly Box[], rank: readonly number[]): Map<number, number> {
  const width = widths(boxes, rank);
  const x = new Map<number, number>();
  const known = [...width.keys()];
  const usual = Math.max(...width.values());
  let at = 0;
  for (let column = 0; column <= Math.max(...known); column++) {
    x.set(column, at);
    at += (width.get(column) ?? usual) + COLUMN_GAP;
  }
  at = 0;
  for (let column = -1; column >= Math.min(...known); column--) {
    at -= (width.get(column) ?? usual) + COLUMN_GAP;
    x.set(column, at);
  }
  return x;
}

/**
 * Lays out a graph of which most was laid out before: what was there stays where it is, and what is new stands as near
 * to its neighbours as there is room. A box that became higher pushes down those below it, as long as it is so.
 */
export function extend(boxes: readonly Box[], edges: readonly Edge[], root: number, homes: ReadonlyMap<string, Home>): Layout {
  if (!boxes.some((box) => homes.has(box.id))) return layout(boxes, edges, root);
  const rank = extendedRanks(boxes, edges, root, homes);
  const top = boxes.map((box) => homes.get(box.id)?.top ?? Number.NaN);
  const near = adjacency(boxes.length, edges);
  const queue = newcomers(boxes, near, homes);
  for (const box of queue) {
    const size = boxes[box]!.height;
    const around = [...near.into[box]!, ...near.out[box]!].filter((other) => !Number.isNaN(top[other]!));
    const middles = around.map((other) => top[other]! + boxes[other]!.height / 2);
    const wish = middles.length > 0 ? middles.reduce((sum, one) => sum + one, 0) / middles.length : 0;
    const taken = boxes.flatMap((one, at) =>
      rank[at] === rank[box] && !Number.isNaN(top[at]!) ? [{ top: top[at]!, size: one.height }] : [],
    );
    top[box] = nearestGap(taken, { middle: wish, size }, GAP);
  }
  const known = new Map(boxes.map((box, at) => [box.id, { rank: rank[at]!, top: top[at]! }]));
  return settled(boxes, edges, known);
}

/** New boxes, those whose neighbours have places first. */
function newcomers(boxes: readonly Box[], near: Adjacency, homes: ReadonlyMap<string, Home>): number[] {
  const has = boxes.map((box) => homes.has(box.id));
  const queue: number[] = [];
  const look = (box: number): void => {
    for (const other of [...near.out[box]!, ...near.into[box]!]) {
      if (has[other]) continue;
      has[other] = true;
      queue.push(other);
    }
  };
  boxes.forEach((box, at) => {
    if (homes.has(box.id)) look(at);
  });
  for (let at = 0; at < queue.length; at++) look(queue[at]!);
  boxes.forEach((_, at) => {
    if (!has[at]) queue.push(at);
  });
  return queue;
}

function extendedRanks(
  boxes: readonly Box[],
  edges: readonly Edge[],
  root: number,
  homes: ReadonlyMap<string, Home>,
): number[] {
  const forward = acyclic(boxes.length, edges, root);
  const near = adjacency(boxes.length, forward);
  const rank = boxes.map((box) => homes.get(box.id)?.rank ?? Number.NaN);
  const known = (others: readonly number[]): number[] => others.map((one) => rank[one]!).filter((one) => !Number.isNaN(one));
  // To the right of what is known on the left; then, from the other end, to the left of what is known on the right.
  const order = topological(boxes.length, near);
  for (const box of order) {
    const before = known(near.into[box]!);
    if (Number.isNaN(rank[box]!) && before.length > 0) rank[box] = Math.max(...before) + 1;
  }
  for (const box of [...order].reverse()) {
    const after = known(near.out[box]!);
    if (Number.isNaN(rank[box]!) && after.length > 0) rank[box] = Math.min(...after) - 1;
  }
  return rank.map((value) => (Number.isNaN(value) ? 0 : value));
}

function settled(boxes: readonly Box[], edges: readonly Edge[], homes: Map<string, Home>): Layout {
  const rank = boxes.map((box) => homes.get(box.id)!.rank);
  const x = columns(boxes, rank);
  const y = boxes.map((box) => homes.get(box.id)!.top);
  for (const column of new Set(rank)) {
    const members = boxes.map((_, at) => at).filter((at) => rank[at] === column);
    members.sort((a, b) => y[a]! - y[b]! || a - b);
    const tops = pushDown(
      members.map((at) => y[at]!),
      members.map((at) => boxes[at]!.height),
      GAP,
    );
    members.forEach((at, place) => {
      y[at] = tops[place]!;
    });
  }
  const placed = boxes.map((box, at) => ({ ...box, rank: rank[at]!, x: x.get(rank[at]!)!, y: y[at]! }));
  return { boxes: placed, ways: edges.map(([source, target]) => detour(placed, source, target)), homes, crossings: Number.NaN };
}

/** The points at which an edge passes columns between its ends: where there is room nearest to a straight line. */
function detour(placed: readonly Placed[], source: number, target: number): Point[] {
  const [from, to] = [placed[source]!, placed[target]!];
  const points: Point[] = [];
  let y = from.y + from.height / 2;
  for (let rank = from.rank + 1; rank < to.rank; rank++) {
    const members = placed.filter((box) => box.rank === rank);
    if (members.length === 0) continue;
    const share = (rank - from.rank) / (to.rank - from.rank);
    const wish = y + (to.y + to.height / 2 - y) * share;
    const taken = members.map((box) => ({ top: box.y, size: box.height }));
    y = nearestGap(taken, { middle: wish, size: WAY }, WAY) + WAY / 2;
    const left = members[0]!.x;
    points.push({ x: left, y }, { x: left + Math.max(...members.map((box) => box.width)), y });
  }
  return points;
}
