/** Everything else about a dataset: description, owners, tags, tests, jobs, names. */

import type { ComponentChildren, JSX } from "preact";
import type { Dataset } from "../../data/types.ts";
import { counted, number } from "../../model/format.ts";
import { fullName, lastPart } from "../../model/names.ts";
import { Sql, tagText } from "./columns_tab.tsx";
import { Chip, StateMark, Time } from "../parts.tsx";
import type { Go } from "../store.ts";

function Field({ name, children }: { name: string; children: ComponentChildren }): JSX.Element {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

const none = <span class="muted">none known</span>;

export function AboutTab({ dataset, go }: { dataset: Dataset; go: Go }): JSX.Element {
  const tags = dataset.tags.filter((tag) => tag.column === null);
  return (
    <>
      <p class="description">{dataset.description ?? <span class="muted">No description.</span>}</p>
      <dl class="fields">
        <Field name="Name">
          <span class="code">{dataset.name}</span>
        </Field>
        <Field name="Namespace">
          <span class="code">{dataset.namespace}</span>
        </Field>
        <Field name="Owners">{dataset.owners.length > 0 ? dataset.owners.join(", ") : none}</Field>
        <Field name="Tags">
          {tags.length > 0 ? tags.map((tag) => <Chip key={tagText(tag)} title={tag.source}>{tagText(tag)}</Chip>) : none}
        </Field>
        {dataset.materialized ? <Field name="Materialized">{dataset.materialized}</Field> : null}
        {dataset.lifecycle ? <Field name="Lifecycle">{dataset.lifecycle}</Field> : null}
        {Object.keys(dataset.statistics).length > 0 ? <Field name="Last write">{statistics(dataset)}</Field> : null}
        {dataset.version ? (
          <Field name="Version">
            <span class="code">{dataset.version}</span>
          </Field>
        ) : null}
        {dataset.source_uri ? (
          <Field name="Source">
            <span class="code">{dataset.source_uri}</span>
          </Field>
        ) : null}
        {dataset.aliases.length > 0 ? (
          <Field name="Other names">
            {dataset.aliases.map((alias) => (
              <span key={fullName(alias)} class="code block">
                {fullName(alias)}
              </span>
            ))}
          </Field>
        ) : null}
        {dataset.apart.length > 0 ? (
          <Field name="Linked but apart">
            {dataset.apart.map((other) => (
              <span key={fullName(other)} class="code block">
                {fullName(other)}
              </span>
            ))}
          </Field>
        ) : null}
        <Field name="Used by">
          {dataset.exposures.length > 0 ? dataset.exposures.map((one) => <ExposureLine key={one.name} one={one} />) : none}
        </Field>
      </dl>
      <Tests dataset={dataset} />
      <h2>Written by</h2>
      {dataset.producers.length === 0 ? <p class="muted">No job that reported lineage writes it.</p> : null}
      {dataset.producers.map((producer) => (
        <section key={fullName(producer)} class="producer">
          <button type="button" class="link" onClick={() => go({ tab: "runs", job: fullName(producer) })}>
            {producer.name}
          </button>
          <span class="muted">
            {" "}
            {[producer.integration, producer.type, producer.source_path].filter(Boolean).join(" · ")}
          </span>
          {producer.last_run ? (
            <p>
              <StateMark run={producer.last_run} /> <Time at={producer.last_run.ended_at ?? producer.last_run.started_at} />
            </p>
          ) : null}
          {producer.sql ? (
            <details>
              <summary>SQL</summary>
              <Sql text={producer.sql} mark="" />
            </details>
          ) : null}
        </section>
      ))}
      {dataset.readers.length > 0 ? (
        <>
          <h2>Read by</h2>
          <ul class="plain">
            {dataset.readers.slice(0, 100).map((job) => (
              <li key={fullName(job)}>
                <button type="button" class="quiet" onClick={() => go({ tab: "runs", job: fullName(job) })}>
                  {job.name}
                </button>
              </li>
            ))}
          </ul>
        </>
      ) : null}
    </>
  );
}

function statistics(dataset: Dataset): string {
  const words: Record<string, string> = { rowCount: "rows", size: "bytes", fileCount: "files" };
  return Object.entries(dataset.statistics)
    .filter((entry): entry is [string, number] => typeof entry[1] === "number")
    .map(([key, value]) => `${number(value)} ${words[key] ?? key}`)
    .join(", ");
}

function ExposureLine({ one }: { one: Dataset["exposures"][number] }): JSX.Element {
  const safe = one.url && /^https?:\/\//i.test(one.url) ? one.url : null;
  return (
    <span class="block">
      {safe ? (
        <a href={safe} rel="noreferrer">
          {one.name}
        </a>
      ) : (
        one.name
      )}
      <span class="muted"> {[one.type, one.owner].filter(Boolean).join(" · ")}</span>
    </span>
  );
}

function Tests({ dataset }: { dataset: Dataset }): JSX.Element | null {
  if (dataset.tests.length === 0) return null;
  const failed = dataset.tests.filter((test) => !test.success).length;
  return (
    <>
      <h2>
        Tests{" "}
        <span class={failed > 0 ? "bad" : "good"}>
          {failed > 0 ? `${counted(failed, "failure")}` : `${counted(dataset.tests.length, "test")} passed`}
        </span>
      </h2>
      <ul class="tests">
        {dataset.tests.map((test) => (
          <li key={test.name + (test.column ?? "")}>
            <span class={test.success ? "good" : "bad"}>
              <span aria-hidden="true">{test.success ? "✓" : "✗"}</span>
              <span class="unseen">{test.success ? "passed" : "failed"}</span>
            </span>{" "}
            {test.assertion}
            {test.column ? <span class="code"> {test.column}</span> : null}
            {test.severity === "warn" ? <Chip>warn</Chip> : null}
            {test.name !== test.assertion ? <span class="muted block">{lastPart(test.name)}</span> : null}
          </li>
        ))}
      </ul>
    </>
  );
}
