/** Small parts that all views share. */

import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { Failure } from "../data/source.ts";
import { keys } from "../data/api.ts";
import type { RunState } from "../data/types.ts";
import { ago, localTime, utcTime } from "../model/format.ts";
import { engineName } from "../model/names.ts";
import type { Answer } from "./store.ts";

/** A time in the reader's zone; UTC stands in its title. */
export function Time({ at }: { at: string | null }): JSX.Element | null {
  if (!at) return null;
  return (
    <time dateTime={at} title={utcTime(at)}>
      {localTime(at)}
    </time>
  );
}

export function Ago({ at }: { at: string | null }): JSX.Element | null {
  if (!at) return null;
  return (
    <time dateTime={at} title={`${localTime(at)} here, ${utcTime(at)}`}>
      {ago(at, Date.now())}
    </time>
  );
}

const STATES: Record<string, [string, string, string]> = {
  COMPLETE: ["complete", "✓", "completed"],
  FAIL: ["fail", "✗", "failed"],
  ABORT: ["abort", "−", "aborted"],
  RUNNING: ["running", "…", "running"],
  START: ["running", "…", "started"],
};

export function StateMark({ run }: { run: RunState | null }): JSX.Element | null {
  if (!run) return null;
  const [kind, sign, words] = run.skipped ? ["abort", "−", "skipped"] : (STATES[run.state ?? ""] ?? ["unknown", "?", "state unknown"]);
  return (
    <span class={`state ${kind}`}>
      <span aria-hidden="true">{sign}</span> {words}
    </span>
  );
}

export function Engine({ name }: { name: string }): JSX.Element {
  const known = ["athena", "redshift", "duckdb"].find((one) => one === name.toLowerCase()) ?? "other";
  const files = /^(file|s3a?|gs|abfss|hdfs)$/i.test(name);
  return <span class={`chip engine-${files ? "files" : known}`}>{engineName(name)}</span>;
}

export function Chip({ children, title }: { children: ComponentChildren; title?: string }): JSX.Element {
  return (
    <span class="chip" title={title}>
      {children}
    </span>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="notice">
      <p class="notice-title">{title}</p>
      {children ? <div class="notice-text">{children}</div> : null}
    </div>
  );
}

export function Loading({ what }: { what: string }): JSX.Element {
  return (
    <div class="notice loading" role="status">
      <span class="spinner" aria-hidden="true" />
      Loading {what} …
    </div>
  );
}

export function Failed({ failure, again }: { failure: Failure; again: () => void }): JSX.Element {
  if (failure.kind === "not-authorized") return <AskForKey failure={failure} again={again} />;
  const titles: Record<string, string> = {
    "unknown-name": "Not found",
    "bad-request": "This can't be answered",
    unavailable: "The graph does not answer now",
    broken: "Something went wrong",
  };
  return (
    <div class="notice failed" role="alert">
      <p class="notice-title">{titles[failure.kind]}</p>
      <p class="notice-text">{failure.message}</p>
      {failure.kind === "unavailable" || failure.kind === "broken" ? (
        <button type="button" onClick={again}>
          Try again
        </button>
      ) : null}
    </div>
  );
}

function AskForKey({ failure, again }: { failure: Failure; again: () => void }): JSX.Element {
  const [before, setBefore] = useState<Failure | null>(null);
  const refused = before !== null && before !== failure;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const input = (event.currentTarget as HTMLFormElement).elements.namedItem("key") as HTMLInputElement;
    keys.write(input.value.trim());
    setBefore(failure);
    again();
  };
  return (
    <form class="notice failed" onSubmit={submit} aria-label="Key">
      <p class="notice-title" role="alert">
        {refused ? "This key was not accepted" : "Not authorized"}
      </p>
      <p class="notice-text">{failure.message}</p>
      <label>
        Key with the scope <code>read</code>
        <input name="key" type="password" autocomplete="off" required placeholder="hw_…" />
      </label>
      <p class="notice-text">It is kept for this tab alone.</p>
      <button type="submit">Use this key</button>
    </form>
  );
}

/** Shows an answer, or why there is none. An old one stays below a note. */
export function Shown<T>({
  answer,
  what,
  again,
  children,
}: {
  answer: Answer<T>;
  what: string;
  again: () => void;
  children: (value: T) => ComponentChildren;
}): JSX.Element {
  if (answer.value === null) {
    if (answer.failure) return <Failed failure={answer.failure} again={again} />;
    return <Loading what={what} />;
  }
  return (
    <>
      {answer.failure ? <StaleNote at={answer.at} failure={answer.failure} again={again} /> : null}
      {children(answer.value)}
    </>
  );
}

export function StaleNote({ at, failure, again }: { at: number; failure: Failure; again: () => void }): JSX.Element {
  return (
    <div class="stale" role="status">
      <span>
        Shown is the answer of <Time at={new Date(at).toISOString()} />. {failure.message}
      </span>
      <button type="button" onClick={again}>
        Try again
      </button>
    </div>
  );
}

export function save(name: string, content: string | Blob, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
