/** Why a dataset is wrong or late: possible causes upstream, nearest first. */

import type { JSX } from "preact";
import type { Source } from "../../data/source.ts";
import type { Finding, WhyAnswer } from "../../data/types.ts";
import { counted } from "../../model/format.ts";
import { fullName, idOf, lastPart } from "../../model/names.ts";
import type { State } from "../../model/state.ts";
import { timesKey } from "../../model/time.ts";
import { Ago, Empty, Shown } from "../parts.tsx";
import { type Go, useAnswer } from "../store.ts";

interface WhyProps {
  source: Source;
  id: string;
  state: State;
  go: Go;
  again: number;
  retry: () => void;
}

export function WhyTab({ source, id, state, go, again, retry }: WhyProps): JSX.Element {
  const answer = useAnswer(`${id}\n${timesKey(state)}`, () => source.why(id), again);
  return (
    <Shown answer={answer} what="causes" again={retry}>
      {(why) => <Why why={why} go={go} />}
    </Shown>
  );
}

const CAUSES: Record<Finding["cause"], string> = {
  failed: "run failed",
  aborted: "run aborted",
  running: "not finished",
  quality: "test failed",
  schema: "columns changed",
  stale: "not rebuilt",
  dropped: "dropped",
  skipped: "skipped",
};

function Why({ why, go }: { why: WhyAnswer; go: Go }): JSX.Element {
  const without =
    why.without_runs.length > 0 ? (
      <details class="without">
        <summary>{counted(why.without_runs.length, "dataset")} without any known run: nothing is known of them</summary>
        <ul>
          {why.without_runs.slice(0, 100).map((one) => (
            <li key={idOf(one)}>
              <button type="button" class="link" onClick={() => go({ selected: idOf(one) })}>
                {lastPart(one.name)}
              </button>
            </li>
          ))}
        </ul>
      </details>
    ) : null;
  if (why.findings.length === 0) {
    return (
      <>
        <Empty title="No cause found">
          {counted(why.checked, "dataset")} upstream were checked: no failed or unfinished run, no failed test, nothing
          that was rebuilt later than what is made from it.
        </Empty>
        {without}
      </>
    );
  }
  return (
    <>
      <p class="summary">
        <strong>{counted(why.findings.length, "possible cause")}</strong> in {counted(why.checked, "dataset")}, nearest first
      </p>
      <ol class="findings">
        {why.findings.slice(0, 200).map((finding, at) => (
          <li key={`${idOf(finding.dataset)}${finding.cause}${at}`}>
            <span class={`cause cause-${finding.cause}`}>{CAUSES[finding.cause]}</span>
            <button type="button" class="link" onClick={() => go({ selected: idOf(finding.dataset) })}>
              {finding.dataset.node_name}
            </button>
            <span class="muted">
              {finding.depth === 0 ? "itself" : `${counted(finding.depth, "step")} upstream`}
              {finding.since ? " · " : ""}
              <Ago at={finding.since} />
            </span>
            <p class="detail">{finding.detail}</p>
            {finding.owners.length > 0 ? <p class="muted">owned by {finding.owners.join(", ")}</p> : null}
            {finding.run ? (
              <button type="button" class="quiet" onClick={() => go({ tab: "runs", job: fullName(finding.run!.job), selected: idOf(finding.dataset) })}>
                Runs of {lastPart(finding.run.job.name)}
              </button>
            ) : null}
          </li>
        ))}
      </ol>
      {without}
    </>
  );
}
