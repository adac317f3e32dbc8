/** Graphs to lay out: of any shape, and shaped like dbt projects. */

import fc from "fast-check";
import type { Box, Edge } from "../src/layout/layout.ts";

export interface Drawing {
  boxes: Box[];
  edges: Edge[];
}

export function boxOf(at: number, height = 54): Box {
  return { id: `box ${at}`, width: 236, height };
}

/** Any directed graph, with cycles, loops and repeated edges; boxes of several heights. */
export const anyDrawing: fc.Arbitrary<Drawing> = fc.integer({ min: 1, max: 40 }).chain((count) =>
  fc.record({
    boxes: fc
      .array(fc.constantFrom(30, 54, 54, 54, 240), { minLength: count, maxLength: count })
      .map((heights) => heights.map((height, at) => boxOf(at, height))),
    edges: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: count * 2 }),
  }),
);

/** Numbers from 0 to 1 that are the same for a seed. */
export function chance(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A dbt project: models in layers, each of which reads some of the layer before and sometimes of earlier ones. */
export function project(count: number, layers: number, seed: number, reads = 1.35): Drawing {
  const random = chance(seed);
  const width = Math.max(1, Math.floor(count / layers));
  const edges: Edge[] = [];
  for (let at = width; at < count; at++) {
    const layer = Math.min(layers - 1, Math.floor(at / width));
    const number = 1 + Math.floor(random() * 2 * (reads - 0.5));
    for (let read = 0; read < number; read++) {
      const from = random() < 0.85 ? layer - 1 : Math.floor(random() * layer);
      // Models read what stands near: a project has domains.
      const place = Math.floor(((at % width) + (random() - 0.5) * width * 0.5 + width) % width);
      edges.push([from * width + place, at]);
    }
  }
  return { boxes: Array.from({ length: count }, (_, at) => boxOf(at)), edges };
}
