/** The first page: search, all results, and what failed lately. */

import type { JSX } from "preact";
import type { Source } from "../data/source.ts";
import { counted, number } from "../model/format.ts";
import { idOf, lastPart } from "../model/names.ts";
import { Ago, Failed, Loading, StateMark } from "./parts.tsx";
import { Result, useSearch } from "./search.tsx";
import { type Go, useAnswer } from "./store.ts";

const MOST = 100;

interface HomeProps {
  source: Source;
  query: string;
  again: number;
  retry: () => void;
  go: Go;
}

export function Home({ source, query, again, retry, go }: HomeProps): JSX.Element {
  return (
    <main class="home" id="main">
      {query ? <Results source={source} query={query} go={go} retry={retry} /> : <Start source={source} go={go} again={again} retry={retry} />}
    </main>
  );
}

function Results({ source, query, go, retry }: Omit<HomeProps, "again">): JSX.Element {
  const answer = useSearch(source, query, MOST);
  if (answer.failure) return <Failed failure={answer.failure} again={retry} />;
  if (!answer.value) return <Loading what="results" />;
  return (
    <>
      <h1>
        {counted(answer.value.total, "result")} for “{query}”
      </h1>
      <ul class="result-list">
        {answer.value.results.map((match) => (
          <li key={idOf(match)}>
            <button type="button" class="result" onClick={() => go({ query: "", node: idOf(match), selected: idOf(match), tab: "lineage", column: null, job: "" })}>
              <Result match={match} />
            </button>
          </li>
        ))}
      </ul>
      {answer.value.total > MOST ? <p class="muted">The first {number(MOST)} are shown; more words find fewer.</p> : null}
    </>
  );
}

function Start({ source, again, retry, go }: Omit<HomeProps, "query">): JSX.Element {
  const failures = useAnswer("failed", () => source.runs(null, "FAIL", 8), again);
  const empty = useAnswer("empty", () => source.isEmpty(), again);
  if (empty.value) return <NoData retry={retry} />;
  return (
    <>
      <h1>What do you want to trace?</h1>
      <p class="lead">
        Search for a table, column, tag or owner. Press <kbd>/</kbd> at any time. Words such as <code>owner:finance</code>,{" "}
        <code>tag:pii</code>, <code>engine:athena</code> and <code>column:email</code> filter.
      </p>
      <section class="card" aria-labelledby="failed-runs">
        <h2 id="failed-runs">Failed runs</h2>
        {failures.failure ? (
          <Failed failure={failures.failure} again={retry} />
        ) : failures.value === null ? (
          <Loading what="runs" />
        ) : failures.value.runs.length === 0 ? (
          <p class="muted">No failed run is known.</p>
        ) : (
          <ul class="plain failures">
            {failures.value.runs.map((run) => (
              <li key={run.id}>
                <StateMark run={run} />
                {run.outputs[0] ? (
                  <button
                    type="button"
                    class="link"
                    onClick={() => go({ node: idOf(run.outputs[0]!), selected: idOf(run.outputs[0]!), tab: "why" })}
                  >
                    {lastPart(run.outputs[0].name)}
                  </button>
                ) : (
                  <span class="code">{lastPart(run.job.name)}</span>
                )}
                <span class="muted">
                  <Ago at={run.ended_at ?? run.started_at} />
                </span>
                {run.error ? <p class="detail">{run.error.split("\n")[0]}</p> : null}
              </li>
            ))}
          </ul>
        )}
      </section>
    </>
  );
}

function NoData({ retry }: { retry: () => void }): JSX.Element {
  return (
    <>
      <h1>The graph is empty</h1>
      <p class="lead">
        Lineage appears with the first event. Of a dbt project that has run, <code>headwater backfill target/</code> brings what is known; a
        live run sends its events with <code>headwater-dbt build</code>, and any OpenLineage client by <code>POST /api/v1/lineage</code>.
      </p>
      <button type="button" onClick={retry}>
        Look again
      </button>
    </>
  );
}
