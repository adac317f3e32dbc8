/** Opening and closing what hangs behind a dataset. */

import type { Direction } from "./graph.ts";
import type { State } from "./state.ts";

/** Shows what hangs behind a dataset. */
export function opening(state: State, id: string, direction: Direction): Partial<State> {
  const entry = direction + id;
  const closed = state.closed.filter((one) => one !== entry);
  return closed.length < state.closed.length ? { closed } : { opened: [...new Set([...state.opened, entry])] };
}

export function folding(state: State, id: string, direction: Direction): Partial<State> {
  const entry = direction + id;
  return { opened: state.opened.filter((one) => one !== entry), closed: [...new Set([...state.closed, entry])] };
}
