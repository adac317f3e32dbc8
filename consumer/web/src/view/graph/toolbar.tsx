/** What can be done with the picture: levels, filter, zoom, files. */

import type { JSX, RefObject } from "preact";
import { useRef, useState } from "preact/hooks";
import { counted, number } from "../../model/format.ts";
import { ALL, type State } from "../../model/state.ts";
import type { CanvasActions } from "./canvas.tsx";
import type { Go } from "../store.ts";

const LEVELS = [1, 2, 3, ALL];

interface LevelsProps {
  label: string;
  value: number;
  counts: readonly number[];
  onPick(steps: number): void;
}

function Levels({ label, value, counts, onPick }: LevelsProps): JSX.Element {
  return (
    <fieldset class="levels">
      <legend>{label}</legend>
      {LEVELS.map((steps) => {
        const known = counts.slice(0, steps).reduce((sum, count) => sum + count, 0);
        return (
          <button
            key={steps}
            type="button"
            aria-pressed={value === steps}
            aria-label={`${label} ${steps === ALL ? "all levels" : counted(steps, "level")}`}
            title={steps <= counts.length ? counted(known, "dataset") : ""}
            onClick={() => onPick(steps)}
          >
            {steps === ALL ? "All" : steps}
          </button>
        );
      })}
    </fieldset>
  );
}

interface ToolbarProps {
  state: State;
  levels: { upstream: readonly number[]; downstream: readonly number[] };
  matches: number | null;
  go: Go;
}

export function Toolbar({ state, levels, matches, go }: ToolbarProps): JSX.Element {
  return (
    <div class="toolbar">
      <Levels label="Upstream" value={state.up} counts={levels.upstream} onPick={(up) => go({ up, opened: [], closed: [] })} />
      <Levels label="Downstream" value={state.down} counts={levels.downstream} onPick={(down) => go({ down, opened: [], closed: [] })} />
      <label class="filter">
        <span class="unseen">Highlight in the graph</span>
        <input
          type="search"
          placeholder="Highlight: name, owner:, tag:, engine:, state:"
          value={state.filter}
          onInput={(event) => go({ filter: event.currentTarget.value }, true)}
        />
        {matches === null ? null : <output>{number(matches)}</output>}
      </label>
    </div>
  );
}

export function ZoomButtons({ actions, onTidy }: { actions: RefObject<CanvasActions | null>; onTidy: () => void }): JSX.Element {
  return (
    <div class="zoom" role="group" aria-label="View">
      <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick={() => actions.current!.zoom(1.3)}>
        +
      </button>
      <button type="button" aria-label="Zoom out" title="Zoom out (−)" onClick={() => actions.current!.zoom(1 / 1.3)}>
        −
      </button>
      <button type="button" aria-label="Fit all" title="Fit all (0)" onClick={() => actions.current!.fit()}>
        ⤢
      </button>
      <button type="button" aria-label="Tidy up" title="Find new places for everything (t)" onClick={onTidy}>
        ⟲
      </button>
    </div>
  );
}

export interface MenuEntry {
  label: string;
  run(): void;
}

export function Menu({ label, entries }: { label: string; entries: readonly MenuEntry[] }): JSX.Element {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const onKey = (event: KeyboardEvent): void => {
    const items = [...root.current!.querySelectorAll<HTMLElement>("[role=menuitem]")];
    const at = items.indexOf(document.activeElement as HTMLElement);
    if (event.key === "ArrowDown") items[Math.min(at + 1, items.length - 1)]?.focus();
    else if (event.key === "ArrowUp") items[Math.max(at - 1, 0)]?.focus();
    else if (event.key === "Escape") {
      setOpen(false);
      root.current!.querySelector("button")?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      class="menu"
      ref={root}
      onKeyDown={onKey}
      onFocusOut={(event) => {
        if (!root.current!.contains(event.relatedTarget as Node | null)) setOpen(false);
      }}
    >
      <button type="button" aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(!open)}>
        {label}
      </button>
      {open ? (
        <div role="menu" aria-label={label}>
          {entries.map((entry) => (
            <button
              key={entry.label}
              type="button"
              role="menuitem"
              onClick={() => {
                setOpen(false);
                entry.run();
              }}
            >
              {entry.label}
            </button>
          ))}
        </div>
      ) : null}
    </div>
  );
}

export function Legend({ lit, compares }: { lit: boolean; compares: boolean }): JSX.Element {
  return (
    <p class="legend" aria-hidden="true">
      {lit ? (
        <>
          <span class="key-line direct" /> value (DIRECT)
          <span class="key-line indirect" /> decides rows (INDIRECT)
          <span class="key-line unknown" /> unknown
        </>
      ) : compares ? (
        <>
          <span class="mark added">+</span> added
          <span class="mark removed">−</span> removed
          <span class="mark changed">~</span> changed
        </>
      ) : (
        <>
          <span class="key engine-athena" /> Athena
          <span class="key engine-redshift" /> Redshift
          <span class="key engine-duckdb" /> DuckDB
          <span class="key engine-files" /> files
          <span class="key engine-other" /> other
        </>
      )}
    </p>
  );
}
