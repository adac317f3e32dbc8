/** Places along one axis: as near to where things are wanted as they can be without overlap. */

export interface Wish {
  /** Where its middle is wanted. */
  middle: number;
  size: number;
}

/**
 * Finds tops for things in their order, with a gap between them, so that the sum of squared distances from their wishes
 * is least (pool adjacent violators).
 */
export function spread(wishes: readonly Wish[], gap: number): number[] {
  interface Pool {
    first: number;
    count: number;
    sum: number;
  }
  const pools: Pool[] = [];
  let offset = 0;
  const offsets: number[] = [];
  wishes.forEach((wish, at) => {
    offsets.push(offset);
    pools.push({ first: at, count: 1, sum: wish.middle - wish.size / 2 - offset });
    offset += wish.size + gap;
    while (pools.length > 1) {
      const last = pools[pools.length - 1]!;
      const before = pools[pools.length - 2]!;
      if (before.sum / before.count <= last.sum / last.count) break;
      pools.pop();
      before.count += last.count;
      before.sum += last.sum;
    }
  });
  const tops: number[] = [];
  for (const pool of pools) {
    for (let at = pool.first; at < pool.first + pool.count; at++) tops.push(pool.sum / pool.count + offsets[at]!);
  }
  return tops;
}

/** Moves things down until none overlaps the one above it; things that do not overlap stay. Sorted by their tops. */
export function pushDown(tops: readonly number[], sizes: readonly number[], gap: number): number[] {
  let free = Number.NEGATIVE_INFINITY;
  return tops.map((top, at) => {
    const own = Math.max(top, free);
    free = own + sizes[at]! + gap;
    return own;
  });
}

/** The top nearest to a wish at which something fits between things that are there. */
export function nearestGap(taken: readonly { top: number; size: number }[], wish: Wish, gap: number): number {
  const wanted = Math.round(wish.middle - wish.size / 2);
  const sorted = [...taken].sort((a, b) => a.top - b.top);
  let best = Number.POSITIVE_INFINITY;
  let found = wanted;
  let from = Number.NEGATIVE_INFINITY;
  for (let at = 0; at <= sorted.length; at++) {
    const until = at < sorted.length ? sorted[at]!.top - gap : Number.POSITIVE_INFINITY;
    if (until - from >= wish.size) {
      const top = Math.min(Math.max(wanted, from), until - wish.size);
      if (Math.abs(top - wanted) < best) {
        best = Math.abs(top - wanted);
        found = top;
      }
    }
    if (at < sorted.length) from = Math.max(from, sorted[at]!.top + sorted[at]!.size + gap);
  }
  return found;
}
