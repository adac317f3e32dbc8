/** Columns of the picture: each edge leads at least one column to the right. */

import { type Adjacency, adjacency, type Edge, topological } from "./graph.ts";

const PASSES = 8;

/**
 * Finds the column of each box; 0 is the root's.
 *
 * Begins with the longest path from the left, then moves boxes within the room that their neighbours leave, to where
 * their edges are shortest.
 */
export function ranks(count: number, edges: readonly Edge[], root: number): number[] {
  const near = adjacency(count, edges);
  const order = topological(count, near);
  const rank: number[] = new Array<number>(count).fill(0);
  for (const box of order) for (const target of near.out[box]!) rank[target] = Math.max(rank[target]!, rank[box]! + 1);
  for (let pass = 0; pass < PASSES && tighten(order, near, rank, pass % 2 === 0); pass++);
  const zero = rank[root] ?? 0;
  return rank.map((value) => value - zero);
}

function tighten(order: readonly number[], near: Adjacency, rank: number[], fromRight: boolean): boolean {
  let moved = false;
  for (let at = 0; at < order.length; at++) {
    const box = order[fromRight ? order.length - 1 - at : at]!;
    const sources = near.into[box]!;
    const targets = near.out[box]!;
    const lowest = Math.max(...sources.map((source) => rank[source]! + 1), Number.NEGATIVE_INFINITY);
    const highest = Math.min(...targets.map((target) => rank[target]! - 1), Number.POSITIVE_INFINITY);
    const wanted = targets.length > sources.length ? highest : targets.length < sources.length ? lowest : rank[box]!;
    if (Number.isFinite(wanted) && wanted !== rank[box]) {
      rank[box] = wanted;
      moved = true;
    }
  }
  return moved;
}
