/** The columns of a dataset, and how the lit one is made. */

import type { JSX } from "preact";
import type { Dataset } from "../../data/types.ts";
import { type ColumnPath, spelledKind, type Step, WHOLE } from "../../model/column_path.ts";
import type { Graph } from "../../model/graph.ts";
import { lastPart } from "../../model/names.ts";
import type { State } from "../../model/state.ts";
import { Chip, Empty } from "../parts.tsx";
import type { Go } from "../store.ts";

interface ColumnsProps {
  dataset: Dataset;
  id: string;
  state: State;
  path: ColumnPath | null;
  graph: Graph;
  go: Go;
}

export function ColumnsTab({ dataset, id, state, path, graph, go }: ColumnsProps): JSX.Element {
  const lit = state.column?.node === id ? state.column.name : "";
  if (dataset.columns.length === 0) {
    return (
      <Empty title="The columns are unknown">
        No event had a schema of this dataset. What is made from its columns may be known all the same, at the datasets
        downstream.
      </Empty>
    );
  }
  const light = (name: string): void =>
    go({ column: name === lit ? null : { node: id, name }, selected: id });
  return (
    <>
      {lit && path ? <HowMade dataset={dataset} id={id} column={lit} path={path} graph={graph} state={state} go={go} /> : null}
      <table class="columns">
        <caption class="unseen">Columns of {dataset.node_name}</caption>
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Type</th>
            <th scope="col">Tests</th>
          </tr>
        </thead>
        <tbody>
          {dataset.columns.map((column) => {
            const tests = dataset.tests.filter((test) => test.column === column.name);
            const failed = tests.filter((test) => !test.success);
            return (
              <tr key={column.name} class={column.name === lit ? "lit" : ""}>
                <th scope="row">
                  <button type="button" class="link" aria-pressed={column.name === lit} onClick={() => light(column.name)}>
                    {column.name}
                  </button>
                  {column.description ? <p class="muted">{column.description}</p> : null}
                  {column.tags.map((tag) => (
                    <Chip key={tag.key + tag.value}>{tagText(tag)}</Chip>
                  ))}
                </th>
                <td class="code">{column.type ?? <span class="muted">unknown</span>}</td>
                <td>
                  {failed.length > 0 ? (
                    <span class="bad" title={failed.map((test) => test.name).join("\n")}>
                      {failed.length} ✗ {failed.map((test) => test.assertion).join(", ")}
                    </span>
                  ) : tests.length > 0 ? (
                    <span class="good" title={tests.map((test) => test.name).join("\n")}>
                      {tests.map((test) => test.assertion).join(", ")}
                    </span>
                  ) : null}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </>
  );
}

export function tagText(tag: { key: string; value: string }): string {
  return /^(true)?$/i.test(tag.value) ? tag.key : `${tag.key}=${tag.value}`;
}

function HowMade({ dataset, id, column, path, graph, state, go }: ColumnsProps & { column: string; path: ColumnPath }): JSX.Element {
  const own = path.steps.filter((step) => step.target === id && step.targetColumn === column);
  const rows = path.steps.filter((step) => step.target === id && step.targetColumn === WHOLE && step.sourceColumn !== WHOLE);
  const sql = dataset.producers.find((producer) => producer.sql)?.sql;
  return (
    <section class="how" aria-label={`How ${column} is made`}>
      <h2>
        <span>
          How <code>{column}</code> is made
        </span>
        <button type="button" class="quiet" onClick={() => go({ column: null })}>
          Clear
        </button>
      </h2>
      {own.length === 0 ? (
        <p class="muted">
          {dataset.upstream === 0 && dataset.producers.length === 0
            ? "Nothing upstream is known: it is a source."
            : path.unknown.some((pair) => pair[1] === id)
              ? "Unknown: no column lineage was reported for it."
              : "From no column: it is computed, such as a constant or a time."}
        </p>
      ) : (
        <Steps steps={own} graph={graph} go={go} />
      )}
      {rows.length > 0 ? (
        <details>
          <summary>{rows.length} more decide which rows there are (INDIRECT)</summary>
          <Steps steps={rows} graph={graph} go={go} />
        </details>
      ) : null}
      <label class="check">
        <input type="checkbox" checked={state.direct} onChange={(event) => go({ direct: event.currentTarget.checked })} />
        Only values (DIRECT)
      </label>
      {sql ? (
        <details>
          <summary>SQL</summary>
          <Sql text={sql} mark={column} />
        </details>
      ) : null}
    </section>
  );
}

function Steps({ steps, graph, go }: { steps: readonly Step[]; graph: Graph; go: Go }): JSX.Element {
  return (
    <ul class="steps">
      {steps.map((step) => (
        <li key={`${step.source}\n${step.sourceColumn}`}>
          <span class={`how-kind ${step.direct ? "direct" : "indirect"}`}>{step.direct ? "DIRECT" : "INDIRECT"}</span>
          <button
            type="button"
            class="link"
            onClick={() => go({ selected: step.source, column: step.sourceColumn === WHOLE ? null : { node: step.source, name: step.sourceColumn } })}
          >
            {graph.cards.get(step.source)?.node_name ?? lastPart(step.source)}.{step.sourceColumn === WHOLE ? "all rows" : step.sourceColumn}
          </button>
          <span class="muted"> {step.kinds.map(spelledKind).join(", ")}</span>
        </li>
      ))}
    </ul>
  );
}

const WORDS =
  /\b(select|from|where|group by|order by|having|join|left|right|inner|outer|full|cross|on|and|or|not|in|as|case|when|then|else|end|with|union|all|distinct|partition by|over|limit|create|table|view|insert|into|values|is|null|like|between|exists)\b/gi;

/** SQL with its keywords and one identifier set apart. */
export function Sql({ text, mark }: { text: string; mark: string }): JSX.Element {
  const parts: JSX.Element[] = [];
  const trimmed = text.trim();
  const word = mark ? mark.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&") : "";
  const pattern = new RegExp(`${word ? `(?<mark>\\b${word}\\b)|` : ""}${WORDS.source}|(?<text>'[^']*')|(?<note>--.*)`, "gi");
  let at = 0;
  for (const match of trimmed.matchAll(pattern)) {
    if (match.index > at) parts.push(<>{trimmed.slice(at, match.index)}</>);
    const kind = match.groups?.["mark"] ? "mark" : match.groups?.["text"] ? "string" : match.groups?.["note"] ? "note" : "word";
    parts.push(<span class={`sql-${kind}`}>{match[0]}</span>);
    at = match.index + match[0].length;
  }
  parts.push(<>{trimmed.slice(at)}</>);
  return (
    <pre class="sql" tabIndex={0} aria-label="SQL">
      <code>{parts}</code>
    </pre>
  );
}
