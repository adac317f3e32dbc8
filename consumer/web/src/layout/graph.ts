/** Graphs as the layout sees them: numbers for boxes, so that its loops stay cheap. */

export interface Box {
  id: string;
  width: number;
  height: number;
}

/** Places of source and target in the list of boxes. */
export type Edge = readonly [number, number];

export interface Adjacency {
  out: number[][];
  into: number[][];
}

export function adjacency(count: number, edges: readonly Edge[]): Adjacency {
  const out: number[][] = Array.from({ length: count }, () => []);
  const into: number[][] = Array.from({ length: count }, () => []);
  for (const [source, target] of edges) {
    out[source]!.push(target);
    into[target]!.push(source);
  }
  return { out, into };
}

/** Edges without those to themselves, those that are there twice, and those that close a cycle. */
export function acyclic(count: number, edges: readonly Edge[], first: number): Edge[] {
  const seen = new Set<number>();
  const simple = edges.filter(([source, target]) => {
    const key = source * count + target;
    if (source === target || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  const { out, into } = adjacency(count, simple);
  const back = new Set<number>();
  const state = new Uint8Array(count);
  const visit = (start: number): void => {
    const stack: [number, number][] = [[start, 0]];
    state[start] = 1;
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const next = out[top[0]]![top[1]++];
      if (next === undefined) {
        state[top[0]] = 2;
        stack.pop();
      } else if (state[next] === 1) {
        back.add(top[0] * count + next);
      } else if (state[next] === 0) {
        state[next] = 1;
        stack.push([next, 0]);
      }
    }
  };
  // From boxes without sources first, so that an edge that closes a cycle is one that leads back.
  const starts = [...Array(count).keys()].sort((a, b) => into[a]!.length - into[b]!.length || a - b);
  for (const start of starts) if (state[start] === 0 && start !== first) visit(start);
  if (count > 0 && state[first] === 0) visit(first);
  return simple.filter(([source, target]) => !back.has(source * count + target));
}

/** Boxes in an order in which each comes after those that lead to it. */
export function topological(count: number, { out, into }: Adjacency): number[] {
  const missing = into.map((sources) => sources.length);
  const order = [...Array(count).keys()].filter((box) => missing[box] === 0);
  for (let at = 0; at < order.length; at++) {
    for (const target of out[order[at]!]!) if (--missing[target]! === 0) order.push(target);
  }
  return order;
}
