/** The time that the page shows: a slider with the moments at which the datasets around the root changed, and a comparison. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Source } from "../data/source.ts";
import { counted, localTime } from "../model/format.ts";
import type { State } from "../model/state.ts";
import { type Stop, stopAt, stopsOf } from "../model/time.ts";
import { Time } from "./parts.tsx";
import { type Go, useAnswer } from "./store.ts";

interface TimeBarProps {
  source: Source;
  state: State;
  again: number;
  go: Go;
}

export function TimeBar({ source, state, again, go }: TimeBarProps): JSX.Element {
  if (!source.live) return <OneMoment moment={source.moment} />;
  return <Slider source={source} state={state} again={again} go={go} />;
}

/** A file has no past: its reader must not take it for the present. */
export function OneMoment({ moment }: { moment: string }): JSX.Element {
  return (
    <p class="time one-moment" role="note">
      This file shows one moment: lineage as of {moment ? <Time at={moment} /> : "its export"}. Other moments and comparisons
      need <code>headwater serve</code>.
    </p>
  );
}

function Slider({ source, state, again, go }: TimeBarProps): JSX.Element {
  const query = { node: state.node, upstream: state.up, downstream: state.down };
  const answer = useAnswer(`${state.node}\n${state.up}\n${state.down}`, () => source.moments(query), again);
  const stops = stopsOf(answer.value?.moments ?? []);
  const now = Date.now();
  const shown = stopAt(stops, state.from ? state.to : state.at, now);
  const from = state.from ? stopAt(stops, state.from, now) : -1;
  const last = stops.length - 1;
  const compare = (): void => {
    if (state.from) return go({ from: "", to: "", at: state.to });
    // With the present nothing has changed since the last change: the question is what that one was.
    const later = shown === last ? last - 1 : shown;
    go({ from: stops[Math.max(0, later - 1)]!.time, to: state.at, at: "" });
  };
  // One slider pushes the other before it.
  const pickFrom = (at: number): number => {
    const own = Math.min(at, last - 1);
    go({ from: stops[own]!.time, ...(own >= shown ? { to: stops[own + 1]!.time } : {}) }, true);
    return own;
  };
  const pickTo = (at: number): number => {
    const own = Math.max(at, 1);
    go({ to: stops[own]!.time, ...(own <= from ? { from: stops[own - 1]!.time } : {}) }, true);
    return own;
  };
  const pickAt = (at: number): number => {
    go({ at: stops[at]!.time }, true);
    return at;
  };
  return (
    <div class="time" role="group" aria-label="Time">
      {last > 0 ? (
        <button type="button" aria-pressed={state.from !== ""} onClick={compare}>
          Compare
        </button>
      ) : null}
      {last > 0 && state.from ? <Range label="From" stops={stops} at={from} time={state.from} onPick={pickFrom} /> : null}
      {last > 0 && state.from ? <Range label="To" stops={stops} at={shown} time={state.to} onPick={pickTo} /> : null}
      {last > 0 && !state.from ? <Range label="As of" stops={stops} at={shown} time={state.at} onPick={pickAt} /> : null}
      {last === 0 && !answer.loading ? <span class="muted">{answer.failure?.message ?? "No change is recorded here."}</span> : null}
      {last === 0 ? <Shown state={state} /> : null}
      {state.at || state.from ? (
        <button type="button" onClick={() => go({ at: "", from: "", to: "" })}>
          Back to now
        </button>
      ) : null}
    </div>
  );
}

/** The time in the address where no slider has a place for it. */
function Shown({ state }: { state: State }): JSX.Element | null {
  if (state.from) {
    return (
      <span>
        From <Moment time={state.from} /> to <Moment time={state.to} />
      </span>
    );
  }
  return state.at ? (
    <span>
      As of <Moment time={state.at} />
    </span>
  ) : null;
}

/** A time, or how long ago, as the address has it. */
function Moment({ time }: { time: string }): JSX.Element {
  return time && !Number.isNaN(Date.parse(time)) ? <Time at={time} /> : <span>{time || "now"}</span>;
}

interface RangeProps {
  label: string;
  stops: readonly Stop[];
  /** The stop of the time, and the time itself, which may lie between two stops. */
  at: number;
  time: string;
  /** Returns the stop that counts. */
  onPick(at: number): number;
}

/** One slider. It moves with the finger at once; the question is asked when it rests. */
function Range({ label, stops, at, time, onPick }: RangeProps): JSX.Element {
  const [held, setHeld] = useState(at);
  useEffect(() => setHeld(at), [at, stops.length]);
  const own = held === at ? time : stops[Math.min(held, stops.length - 1)]!.time;
  const stop = stops[Math.min(held, stops.length - 1)]!;
  return (
    <label class="range">
      <span class="range-label">
        {label} <Moment time={own} />
        {stop.change ? <span class={stop.change.breaking ? "bad" : "muted"}> {changeWords(stop)}</span> : null}
      </span>
      <span class="track">
        <Ticks stops={stops} />
        <input
          type="range"
          min={0}
          max={stops.length - 1}
          value={held}
          aria-label={label}
          aria-valuetext={spoken(stop, own)}
          onInput={(event) => setHeld(Number(event.currentTarget.value))}
          onChange={(event) => setHeld(onPick(Number(event.currentTarget.value)))}
        />
      </span>
    </label>
  );
}

function changeWords(stop: Stop): string {
  return stop.change ? `${counted(stop.change.changes, "change")}${stop.change.breaking ? ", breaking" : ""}` : "";
}

function spoken(stop: Stop, time: string): string {
  if (!time) return "now";
  const words = [Number.isNaN(Date.parse(time)) ? time : localTime(time), changeWords(stop) || "before the first change"];
  return words.join(", ");
}

/** Where lineage changed; the higher ones may have broken a reader. */
function Ticks({ stops }: { stops: readonly Stop[] }): JSX.Element {
  const x = (at: number): number => (at / (stops.length - 1)) * 1000;
  return (
    <svg class="ticks" viewBox="0 0 1000 14" preserveAspectRatio="none" aria-hidden="true">
      {stops.map((stop, at) =>
        stop.change ? (
          <path key={stop.time} class={stop.change.breaking ? "tick breaking" : "tick"} d={`M${x(at)} ${stop.change.breaking ? 0 : 4}V14`} />
        ) : null,
      )}
    </svg>
  );
}
