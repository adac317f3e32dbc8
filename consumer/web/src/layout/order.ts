/** The order within each column: few crossings. */

/** A proper layering: edges lead from one layer to the next alone. */
export interface Layers {
  layers: number[][];
  out: number[][];
  into: number[][];
}

/** Crossings between a layer and the next, by counting inversions in a tree of sums. */
function between(layer: readonly number[], next: readonly number[], out: readonly number[][], at: Int32Array): number {
  next.forEach((box, place) => {
    at[box] = place;
  });
  const sums = new Int32Array(next.length + 1);
  let crossings = 0;
  let seen = 0;
  for (const box of layer) {
    const targets = out[box]!;
    for (const target of targets) {
      let below = 0;
      for (let i = at[target]! + 1; i > 0; i -= i & -i) below += sums[i]!;
      crossings += seen - below;
    }
    for (const target of targets) {
      for (let i = at[target]! + 1; i <= next.length; i += i & -i) sums[i]!++;
    }
    seen += targets.length;
  }
  return crossings;
}

export function crossings({ layers, out }: Layers): number {
  const at = new Int32Array(out.length);
  let count = 0;
  for (let rank = 0; rank + 1 < layers.length; rank++) count += between(layers[rank]!, layers[rank + 1]!, out, at);
  return count;
}

/** Crossings of two boxes' edges if the first stands above the second; both lists are sorted. */
function pair(above: readonly number[], below: readonly number[]): number {
  let count = 0;
  let at = 0;
  for (const place of above) {
    while (at < below.length && below[at]! < place) at++;
    count += at;
  }
  return count;
}

function barycentre(places: readonly number[]): number {
  let sum = 0;
  for (const place of places) sum += place;
  return sum / places.length;
}

function median(places: readonly number[]): number {
  const middle = places.length >> 1;
  if (places.length % 2 === 1) return places[middle]!;
  if (places.length === 2) return (places[0]! + places[1]!) / 2;
  const left = places[middle - 1]! - places[0]!;
  const right = places[places.length - 1]! - places[middle]!;
  if (left + right === 0) return (places[middle - 1]! + places[middle]!) / 2;
  return (places[middle - 1]! * right + places[middle]! * left) / (left + right);
}

class Sweeper {
  readonly #at: Int32Array;
  readonly #graph: Layers;

  constructor(graph: Layers) {
    this.#graph = graph;
    this.#at = new Int32Array(graph.out.length);
    for (const layer of graph.layers) this.#note(layer);
  }

  #note(layer: readonly number[]): void {
    for (let place = 0; place < layer.length; place++) this.#at[layer[place]!] = place;
  }

  #places(boxes: readonly number[]): number[] {
    return boxes.map((box) => this.#at[box]!).sort((a, b) => a - b);
  }

  /** Sorts each layer by where its neighbours in the layer before stand; boxes without any stay. */
  sweep(down: boolean, value: (places: readonly number[]) => number, flip: boolean): void {
    const { layers, out, into } = this.#graph;
    for (let step = 1; step < layers.length; step++) {
      const layer = layers[down ? step : layers.length - 1 - step]!;
      const near = down ? into : out;
      const keyed = layer
        .map((box, place) => ({ box, place, value: near[box]!.length > 0 ? value(this.#places(near[box]!)) : -1 }))
        .filter((one) => one.value >= 0)
        .sort((a, b) => a.value - b.value || (flip ? b.place - a.place : a.place - b.place));
      let next = 0;
      for (let place = 0; place < layer.length; place++) {
        if (near[layer[place]!]!.length > 0) layer[place] = keyed[next++]!.box;
      }
      this.#note(layer);
    }
  }

  /** Moves each box to the best place of its layer: gets over what exchanges of neighbours do not. */
  sift(): void {
    const { layers, out, into } = this.#graph;
    for (const layer of layers) {
      const near = layer.map((box) => [this.#places(into[box]!), this.#places(out[box]!)] as const);
      for (const box of [...layer]) {
        const place = layer.indexOf(box);
        const best = bestPlace(near, place);
        layer.splice(best, 0, ...layer.splice(place, 1));
        near.splice(best, 0, ...near.splice(place, 1));
      }
      this.#note(layer);
    }
  }

  /** Exchanges neighbours within layers while that lessens crossings. */
  transpose(rounds: number): void {
    const { layers, out, into } = this.#graph;
    for (let round = 0; round < rounds; round++) {
      let better = false;
      for (const layer of layers) {
        const around = layer.map((box) => [this.#places(into[box]!), this.#places(out[box]!)] as const);
        for (let place = 0; place + 1 < layer.length; place++) {
          const [a, b] = [around[place]!, around[place + 1]!];
          if (pair(a[0], b[0]) + pair(a[1], b[1]) > pair(b[0], a[0]) + pair(b[1], a[1])) {
            [layer[place], layer[place + 1]] = [layer[place + 1]!, layer[place]!];
            [around[place], around[place + 1]] = [b, a];
            better = true;
          }
        }
        this.#note(layer);
      }
      if (!better) return;
    }
  }
}

/** Where a box of a layer has the fewest crossings with the others of the layer, as they stand. */
function bestPlace(near: readonly (readonly [number[], number[]])[], place: number): number {
  const own = near[place]!;
  // The change of crossings if the box goes above another one instead of below.
  const change = (other: readonly [number[], number[]]): number =>
    pair(own[0], other[0]) + pair(own[1], other[1]) - pair(other[0], own[0]) - pair(other[1], own[1]);
  let [best, least] = [place, 0];
  for (let at = place - 1, sum = 0; at >= 0; at--) {
    sum += change(near[at]!);
    if (sum < least) [best, least] = [at, sum];
  }
  for (let at = place + 1, sum = 0; at < near.length; at++) {
    sum -= change(near[at]!);
    if (sum < least) [best, least] = [at, sum];
  }
  return best;
}

/** Numbers from 0 to 1 that are the same on each call. */
function chance(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
}

function shuffle(layers: number[][], seed: number): void {
  const random = chance(seed * 2654435761);
  for (const layer of layers) {
    for (let at = layer.length - 1; at > 0; at--) {
      const other = Math.floor(random() * (at + 1));
      [layer[at], layer[other]] = [layer[other]!, layer[at]!];
    }
  }
}

/** What one unit of work costs is about one step along an edge; small graphs can afford several beginnings. */
const WORK = 6_000_000;
/** Boxes up to which each is moved to its best place: that costs the square of a layer. */
const SIFTED = 800;
const SWEEPS = 24;
const PATIENCE = 6;

/** Orders the layers of a graph in place; returns the crossings that are left. */
export function order(graph: Layers): number {
  const edges = graph.out.reduce((sum, targets) => sum + targets.length, 0);
  const boxes = graph.out.length;
  const starts = Math.max(1, Math.min(16, Math.floor(WORK / (SWEEPS * 12 * (edges + boxes + 1)))));
  const first = graph.layers.map((layer) => [...layer]);
  let best = { crossings: crossings(graph), layers: graph.layers.map((layer) => [...layer]) };
  for (let start = 0; start < starts && best.crossings > 0; start++) {
    graph.layers = first.map((layer) => [...layer]);
    if (start > 1) shuffle(graph.layers, start);
    best = improved(graph, start, best);
  }
  graph.layers = best.layers;
  return best.crossings;
}

type Best = { crossings: number; layers: number[][] };

function improved(graph: Layers, start: number, best: Best): Best {
  const sweeper = new Sweeper(graph);
  const sifts = graph.out.length <= SIFTED;
  let own = Number.POSITIVE_INFINITY;
  let idle = 0;
  for (let sweep = 0; sweep < SWEEPS && idle < PATIENCE; sweep++) {
    sweeper.sweep(sweep % 2 === start % 2, (sweep + start) % 4 < 2 ? median : barycentre, sweep % 4 > 1);
    sweeper.transpose(sweep < 4 ? 2 : 6);
    if (sifts && sweep > 2) sweeper.sift();
    const count = crossings(graph);
    idle = count < own ? 0 : idle + 1;
    own = Math.min(own, count);
    if (count < best.crossings) best = { crossings: count, layers: graph.layers.map((layer) => [...layer]) };
    if (best.crossings === 0) break;
  }
  return best;
}
