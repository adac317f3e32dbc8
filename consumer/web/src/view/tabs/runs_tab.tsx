/** The history of runs: duration bars, errors, parents. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Source } from "../../data/source.ts";
import type { Run, RunsAnswer } from "../../data/types.ts";
import { counted, duration, number, utcTime } from "../../model/format.ts";
import { fullName, jobId, lastPart, runsOf } from "../../model/names.ts";
import type { State } from "../../model/state.ts";
import { timesKey } from "../../model/time.ts";
import { Empty, Shown, StateMark, Time } from "../parts.tsx";
import { type Go, useAnswer } from "../store.ts";

const PAGE = 30;

interface RunsProps {
  source: Source;
  /** The dataset whose producers' runs are shown, unless the state names a job. */
  id: string;
  state: State;
  go: Go;
  again: number;
  retry: () => void;
}

export function RunsTab({ source, id, state, go, again, retry }: RunsProps): JSX.Element {
  const [limit, setLimit] = useState(PAGE);
  const [failedOnly, setFailedOnly] = useState(false);
  const node = state.job || runsOf(id);
  const only = failedOnly ? "FAIL" : null;
  const answer = useAnswer(`${node}\n${only}\n${limit}\n${timesKey(state)}`, () => source.runs(node, only, limit), again);
  return (
    <>
      {state.job ? (
        <p class="summary">
          Job <strong>{state.job}</strong>{" "}
          <button type="button" class="quiet" onClick={() => go({ job: "" })}>
            Back to {lastPart(id)}
          </button>{" "}
          <button type="button" class="quiet" onClick={() => go(ofJob(state.job))}>
            Inputs and outputs
          </button>
        </p>
      ) : null}
      <label class="check">
        <input type="checkbox" checked={failedOnly} onChange={(event) => setFailedOnly(event.currentTarget.checked)} />
        Failed only
      </label>
      <Shown answer={answer} what="runs" again={retry}>
        {(runs) => <Runs runs={runs} go={go} more={() => setLimit(limit + PAGE)} />}
      </Shown>
    </>
  );
}

/** The graph of a job. */
function ofJob(job: string): Partial<State> {
  const id = jobId(job);
  return { node: id, selected: id, column: null, opened: [], closed: [], columns: [], job: "", tab: "lineage" };
}

function Runs({ runs, go, more }: { runs: RunsAnswer; go: Go; more: () => void }): JSX.Element {
  if (runs.runs.length === 0) {
    return <Empty title="No run is known">Nothing that ran reported to write this dataset.</Empty>;
  }
  return (
    <>
      <Bars runs={runs.runs} />
      <p class="muted">
        {number(runs.runs.length)} of {counted(runs.total, "run")}, newest first
      </p>
      <ol class="runs">
        {runs.runs.map((run) => (
          <RunRow key={run.id + fullName(run.job)} run={run} go={go} />
        ))}
      </ol>
      {runs.total > runs.runs.length ? (
        <button type="button" onClick={more}>
          Show more runs
        </button>
      ) : null}
    </>
  );
}

/** One bar a run, oldest first: its height is the duration, its colour and form the state. */
function Bars({ runs }: { runs: readonly Run[] }): JSX.Element {
  const longest = Math.max(...runs.map((run) => run.duration_s ?? 0), 0.001);
  const ordered = [...runs].reverse();
  const failed = runs.filter(hasFailed).length;
  const label = `Durations of ${counted(runs.length, "run")}: the longest took ${duration(longest)}, ${failed} failed`;
  const width = Math.min(22, 380 / ordered.length);
  return (
    <svg class="bars" role="img" aria-label={label} viewBox={`0 0 380 64`} preserveAspectRatio="xMinYMid meet">
      <text x={0} y={9}>
        {duration(longest)}
      </text>
      {ordered.map((run, at) => {
        const height = run.duration_s === null ? 4 : Math.max(3, (run.duration_s / longest) * 46);
        const kind = run.state === "COMPLETE" ? "complete" : hasFailed(run) ? "fail" : run.skipped ? "skipped" : "running";
        return (
          <g key={run.id}>
            <rect class={`bar ${kind}`} x={at * width} y={62 - height} width={Math.max(2, width - 3)} height={height} rx={1.5}>
              <title>
                {`${run.skipped ? "SKIPPED" : (run.state ?? "unknown")}${run.duration_s === null ? "" : `, ${duration(run.duration_s)}`}${run.ended_at ? `, ${utcTime(run.ended_at)}` : ""}`}
              </title>
            </rect>
          </g>
        );
      })}
    </svg>
  );
}

function hasFailed(run: Run): boolean {
  return (run.state === "FAIL" || run.state === "ABORT") && !run.skipped;
}

function RunRow({ run, go }: { run: Run; go: Go }): JSX.Element {
  return (
    <li>
      <span class="run-head">
        <StateMark run={run} />
        <Time at={run.ended_at ?? run.started_at} />
        <span class="muted">{run.duration_s !== null ? duration(run.duration_s) : run.skipped ? "" : "duration unknown"}</span>
      </span>
      <button type="button" class="quiet" onClick={() => go({ job: fullName(run.job) })}>
        {lastPart(run.job.name)}
      </button>
      {run.parent ? (
        <span class="muted">
          {" "}
          started by{" "}
          <button type="button" class="quiet" onClick={() => go({ job: fullName(run.parent!.job) })}>
            {run.parent.job.name}
          </button>
        </span>
      ) : null}
      {run.skipped ? <p class="detail">{run.skipped}</p> : null}
      {run.error ? (
        <details class="error">
          <summary>{run.error.split("\n")[0]}</summary>
          <pre tabIndex={0}>{run.error}</pre>
        </details>
      ) : null}
    </li>
  );
}
