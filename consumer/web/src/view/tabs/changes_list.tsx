/** The changes that a comparison found, as a list: the same as the two colours of the graph. */

import type { JSX } from "preact";
import type { ChangeRecord, ChangesAnswer } from "../../data/types.ts";
import { changeWords, markOf, SIGNS } from "../../model/changes.ts";
import { counted, number } from "../../model/format.ts";
import { fullName, lastPart } from "../../model/names.ts";
import { Shown, Time } from "../parts.tsx";
import type { Answer, Go } from "../store.ts";

/** Changes that the list shows; the command `headwater diff` prints all. */
const MOST = 300;

interface ChangesProps {
  answer: Answer<ChangesAnswer>;
  go: Go;
  retry: () => void;
}

export function ChangesList({ answer, go, retry }: ChangesProps): JSX.Element {
  return (
    <section class="changes" aria-labelledby="changes-title">
      <h2 id="changes-title">Changes</h2>
      <Shown answer={answer} what="changes" again={retry}>
        {(found) => (
          <>
            <p class="summary" role="status">
              {found.total === 0 ? "Nothing changed around this dataset." : summary(found)}
            </p>
            {some(found.records).map((record, at) => (
              <Record key={at} record={record} go={go} />
            ))}
            {found.total > MOST ? <p class="muted">{number(found.total - MOST)} more: headwater diff prints all.</p> : null}
          </>
        )}
      </Shown>
    </section>
  );
}

function summary(found: ChangesAnswer): string {
  return `${counted(found.total, "change")}, ${number(found.breaking)} breaking`;
}

function some(records: readonly ChangeRecord[]): ChangeRecord[] {
  let left = MOST;
  return records.flatMap((record) => {
    const changes = record.changes.slice(0, Math.max(0, left));
    left -= changes.length;
    return changes.length > 0 ? [{ ...record, changes }] : [];
  });
}

function Record({ record, go }: { record: ChangeRecord; go: Go }): JSX.Element {
  const title = record.dataset ? lastPart(record.dataset.name) : "Edges";
  return (
    <div class="change-record">
      <p>
        <strong>{title}</strong>
        {record.job ? (
          <>
            {" by "}
            <button type="button" class="quiet" onClick={() => go({ job: fullName(record.job!), tab: "runs" })}>
              {lastPart(record.job.name)}
            </button>
          </>
        ) : null}{" "}
        <span class="muted">
          <Time at={record.time} />
          {record.commit ? ` · ${record.commit.slice(0, 12)}` : ""}
        </span>
      </p>
      <ul>
        {record.changes.map((change) => {
          const mark = markOf(change);
          return (
            <li key={change.kind + changeWords(change)}>
              <span class={`mark ${mark}`} aria-hidden="true">
                {SIGNS[mark]}
              </span>{" "}
              <span class="unseen">{mark}: </span>
              {changeWords(change)}
              {change.breaking ? <span class="bad"> breaking</span> : null}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
