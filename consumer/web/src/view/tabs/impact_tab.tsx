/** The datasets that a change affects, by distance. */

import type { JSX } from "preact";
import type { Source } from "../../data/source.ts";
import type { Affected, Exposure, ImpactAnswer } from "../../data/types.ts";
import { csv } from "../../model/csv.ts";
import { counted, number } from "../../model/format.ts";
import { grouped } from "../../model/group.ts";
import { columnId, idOf, lastPart } from "../../model/names.ts";
import { CHANGES, type ChangeKind, type State } from "../../model/state.ts";
import { timesKey } from "../../model/time.ts";
import { Chip, Empty, Engine, save, Shown } from "../parts.tsx";
import { type Go, useAnswer } from "../store.ts";

interface ImpactProps {
  source: Source;
  id: string;
  state: State;
  go: Go;
  again: number;
  retry: () => void;
}

const WORDS: Record<ChangeKind, string> = {
  drop: "is dropped",
  rename: "is renamed",
  type: "changes its type",
  stop: "stops arriving",
};

const CERTAINTIES = {
  direct: "uses its values",
  indirect: "its rows depend on it",
  unknown: "may use it: columns unknown",
} as const;

export function ImpactTab({ source, id, state, go, again, retry }: ImpactProps): JSX.Element {
  const column = state.column?.node === id ? state.column.name : "";
  const node = column ? columnId(id, column) : id;
  const answer = useAnswer(`${node}\n${state.change}\n${timesKey(state)}`, () => source.impact(node, state.change), again);
  return (
    <>
      <div class="ask">
        <label for="change">
          If <strong>{column ? `${lastPart(id)}.${column}` : lastPart(id)}</strong>
        </label>
        <select
          id="change"
          value={state.change}
          onChange={(event) => go({ change: event.currentTarget.value as ChangeKind }, true)}
        >
          {CHANGES.map((change) => (
            <option key={change} value={change}>
              {WORDS[change]}
            </option>
          ))}
        </select>
      </div>
      <Shown answer={answer} what="impact" again={retry}>
        {(impact) => <Impact impact={impact} go={go} />}
      </Shown>
    </>
  );
}

function Impact({ impact, go }: { impact: ImpactAnswer; go: Go }): JSX.Element {
  const depths = grouped(impact.affected, (one) => one.depth);
  const own = impact.changed.exposures;
  const exposures = new Set([impact.changed, ...impact.affected].flatMap((one) => one.exposures.map((exposure) => exposure.name)));
  const root = impact.root.column ? `${impact.root.node_name}.${impact.root.column}` : impact.root.node_name;
  if (impact.total === 0 && own.length === 0) {
    return impact.unknown_at.length > 0 ? (
      <Unknown impact={impact} />
    ) : (
      <Empty title="Nothing known depends on it">No job that reported lineage reads {root}.</Empty>
    );
  }
  return (
    <>
      <p class="summary">
        <strong>{counted(impact.total, "dataset")}</strong>
        {exposures.size > 0 ? `, ${counted(exposures.size, "exposure")}` : ""} of{" "}
        {counted(Object.keys(impact.owners).length, "owner")}{" "}
        <button type="button" class="small" onClick={() => save(`impact-${root}.csv`, asCsv(impact), "text/csv")}>
          CSV
        </button>
      </p>
      <p class="chips">
        {Object.entries(impact.owners)
          .slice(0, 12)
          .map(([owner, count]) => (
            <Chip key={owner}>
              {owner} · {number(count)}
            </Chip>
          ))}
      </p>
      <Unknown impact={impact} />
      {own.length > 0 ? (
        <section aria-label={`Used by ${counted(own.length, "exposure")}`}>
          <h2 class="depth">
            Used by <span class="count">{number(own.length)}</span>
          </h2>
          <ul class="affected">
            {own.map((one) => (
              <li key={one.name}>
                <Use one={one} />
              </li>
            ))}
          </ul>
        </section>
      ) : null}
      {[...depths].map(([depth, affected]) => (
        <section key={depth} aria-label={`${counted(depth, "step")} away`}>
          <h2 class="depth">
            {counted(depth, "step")} away <span class="count">{number(affected.length)}</span>
          </h2>
          <ul class="affected">
            {affected.slice(0, SHOWN).map((one) => (
              <Row key={idOf(one)} one={one} go={go} byColumn={impact.root.column !== undefined} />
            ))}
          </ul>
          {affected.length > SHOWN ? (
            <p class="muted">+ {number(affected.length - SHOWN)} more; the CSV has all</p>
          ) : null}
        </section>
      ))}
    </>
  );
}

const SHOWN = 200;

function Unknown({ impact }: { impact: ImpactAnswer }): JSX.Element | null {
  if (impact.unknown_at.length === 0) return null;
  const names = impact.unknown_at.slice(0, 5).map((one) => lastPart(one.name));
  const rest = impact.unknown_at.length - names.length;
  return (
    <div class="unknown-note">
      Column lineage ends at {names.join(", ")}
      {rest > 0 ? ` and ${number(rest)} more` : ""}: what is beyond may depend on it, too.
    </div>
  );
}

function Row({ one, go, byColumn }: { one: Affected; go: Go; byColumn: boolean }): JSX.Element {
  return (
    <li>
      <button type="button" class="link" onClick={() => go({ selected: idOf(one) })}>
        {one.node_name}
      </button>
      <span class="about">
        <Engine name={one.engine} />
        {byColumn ? <span class={`certainty ${one.certainty}`}>{CERTAINTIES[one.certainty]}</span> : null}
        {one.owners.length > 0 ? <span>{one.owners.join(", ")}</span> : <span class="muted">no owner</span>}
      </span>
      {one.columns.length > 0 ? <span class="muted code">{one.columns.join(", ")}</span> : null}
      {one.exposures.map((exposure) => (
        <Use key={exposure.name} one={exposure} />
      ))}
    </li>
  );
}

function Use({ one }: { one: Exposure }): JSX.Element {
  return (
    <span class="exposure">
      ◫ {one.name}
      {one.owner ? ` · ${one.owner}` : ""}
    </span>
  );
}

/** The list as CSV, the same as of the API and of `headwater impact --format csv`. */
function asCsv(impact: ImpactAnswer): string {
  const headings = [
    "depth",
    "namespace",
    "name",
    "engine",
    "certainty",
    "columns",
    "owners",
    "exposures",
    "failed_tests",
  ];
  const rows = [...(impact.changed.exposures.length > 0 ? [impact.changed] : []), ...impact.affected].map((one) => [
    one.depth,
    one.namespace,
    one.name,
    one.engine,
    one.certainty,
    one.columns.join("; "),
    one.owners.join("; "),
    one.exposures.map((exposure) => exposure.name).join("; "),
    one.tests
      .filter((test) => !test.success)
      .map((test) => test.name)
      .join("; "),
  ]);
  return csv(headings, rows);
}
