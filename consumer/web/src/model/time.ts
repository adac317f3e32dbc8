/** Moments of the past: which one the state asks about, and the stops of the slider between them. */

import type { Moment } from "../data/types.ts";
import type { State } from "./state.ts";

type Times = Pick<State, "at" | "from" | "to">;

/** The moment that is shown, the later one of a comparison; empty for the present. */
export function momentOf(state: Times): string {
  return state.from ? state.to : state.at;
}

/** Changes when answers do. */
export function timesKey(state: Times): string {
  return state.from ? `${state.from} ${state.to}` : state.at;
}

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** A text by which moments sort, to the nanosecond; empty for one that only the server understands. */
export function sortable(text: string, now: number): string {
  const ago = /^(\d{1,9})([smhdw])$/.exec(text);
  if (ago) return sortable(new Date(now - Number(ago[1]) * SECONDS[ago[2]!]! * 1000).toISOString(), now);
  const parts = /^([^.]*?)(?:\.(\d+))?(z|[+-]\d\d:?\d\d)?$/i.exec(text.includes(":") ? text : `${text}T00:00:00Z`);
  const time = Date.parse(`${parts?.[1]?.replace(" ", "T")}${parts?.[3] ?? "Z"}`);
  return Number.isNaN(time) ? "" : `${new Date(time).toISOString().slice(0, 19)}.${(parts![2] ?? "").padEnd(9, "0")}`;
}

/** The last moment before one, to the millisecond. */
export function justBefore(time: string): string {
  return new Date(Date.parse(time) - 1).toISOString();
}

/** A place of the slider: before all changes, at one of them, or the present, whose time is empty. */
export interface Stop {
  time: string;
  change: Moment | null;
}

export function stopsOf(moments: readonly Moment[]): Stop[] {
  const first = moments[0];
  return [
    ...(first ? [{ time: justBefore(first.time), change: null }] : []),
    ...moments.map((change) => ({ time: change.time, change })),
    { time: "", change: null },
  ];
}

/** The last stop that is not later than a moment. */
export function stopAt(stops: readonly Stop[], time: string, now: number): number {
  const last = stops.length - 1;
  const wanted = sortable(time, now);
  if (!wanted) return last;
  for (let at = last - 1; at > 0; at--) if (sortable(stops[at]!.time, now) <= wanted) return at;
  return 0;
}
