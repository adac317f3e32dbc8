/** The search field, with results while one types. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Source } from "../data/source.ts";
import type { Match, SearchAnswer } from "../data/types.ts";
import { number } from "../model/format.ts";
import { idOf, location } from "../model/names.ts";
import { Ago, Engine, StateMark } from "./parts.tsx";
import { type Answer, asFailure } from "./store.ts";

const SHOWN = 8;
const DELAY_MS = 90;

interface SearchProps {
  source: Source;
  query: string;
  onPick(node: string, column: string): void;
  onAll(query: string): void;
}

export function Search({ source, query, onPick, onAll }: SearchProps): JSX.Element {
  const [text, setText] = useState(query);
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  const answer = useSearch(source, open ? text.trim() : "");
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => setText(query), [query]);
  useEffect(() => setActive(0), [text]);
  const results = answer.value?.results ?? [];
  const entries = results.length + (answer.value && answer.value.total > results.length ? 1 : 0);

  const choose = (at: number): void => {
    const match = results[at];
    setOpen(false);
    input.current?.blur();
    if (match) onPick(idOf(match), match.matched === "column" ? (match.matched_columns[0] ?? "") : "");
    else if (text.trim()) onAll(text.trim());
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown") setActive((at) => Math.min(at + 1, entries - 1));
    else if (event.key === "ArrowUp") setActive((at) => Math.max(at - 1, 0));
    else if (event.key === "Enter") {
      // The results may be those of an older text: wait for those of this one.
      if (!answer.loading) choose(active);
      else void source.search(text.trim(), SHOWN).then((found) => found.results[0] && onPick(idOf(found.results[0]), ""));
    } else if (event.key === "Escape") {
      setOpen(false);
      input.current?.blur();
    } else return;
    event.preventDefault();
  };
  const expanded = open && text.trim() !== "";
  return (
    <div class="search" role="search">
      <input
        ref={input}
        id="search"
        type="search"
        list={undefined}
        role="combobox"
        aria-label="Search datasets"
        aria-expanded={expanded}
        aria-controls="results"
        aria-autocomplete="list"
        {...(expanded && entries > 0 ? { "aria-activedescendant": `result-${active}` } : {})}
        placeholder="Search tables, columns, tags, owners"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setTimeout(() => setOpen(false), 150)}
        onKeyDown={onKey}
      />
      <kbd aria-hidden="true">/</kbd>
      <div class={expanded ? "results" : "results closed"}>
        <ul id="results" role="listbox" aria-label="Results">
          {expanded
            ? results.map((match, at) => (
                <li
                  key={idOf(match)}
                  id={`result-${at}`}
                  role="option"
                  aria-selected={at === active}
                  onMouseDown={(event) => event.preventDefault()}
                  onClick={() => choose(at)}
                  onMouseMove={() => setActive(at)}
                >
                  <Result match={match} />
                </li>
              ))
            : null}
          {expanded && answer.value && answer.value.total > results.length ? (
            <li
              id={`result-${results.length}`}
              role="option"
              class="all"
              aria-selected={active === results.length}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => choose(results.length)}
            >
              All {number(answer.value.total)} results
            </li>
          ) : null}
        </ul>
        {expanded ? <Hint answer={answer} /> : null}
      </div>
    </div>
  );
}

function Hint({ answer }: { answer: Answer<SearchAnswer> }): JSX.Element | null {
  if (answer.failure) return <p class="hint" role="status">{answer.failure.message}</p>;
  if (answer.value?.total === 0) {
    return (
      <p class="hint" role="status">
        Nothing matches. Words such as <code>owner:finance</code>, <code>tag:pii</code>, <code>engine:athena</code> and{" "}
        <code>column:email</code> filter.
      </p>
    );
  }
  return answer.value === null && answer.loading ? <p class="hint" role="status">Searching …</p> : null;
}

export function Result({ match }: { match: Match }): JSX.Element {
  const where = location(match.name);
  return (
    <>
      <span class="result-name">{match.node_name}</span>
      <span class="result-about">
        <Engine name={match.engine} />
        {[where, match.materialized, match.owners.join(", ")].filter(Boolean).map((text) => (
          <span key={text}>{text}</span>
        ))}
        {match.last_run ? (
          <span>
            <StateMark run={match.last_run} /> <Ago at={match.last_run.ended_at ?? match.last_run.started_at} />
          </span>
        ) : null}
      </span>
      {match.matched === "column" && match.matched_columns.length > 0 ? (
        <span class="result-columns">columns {match.matched_columns.slice(0, 4).join(", ")}</span>
      ) : null}
    </>
  );
}

/** Asks once typing pauses; the results of before stay meanwhile. */
export function useSearch(source: Source, text: string, limit = SHOWN): Answer<SearchAnswer> {
  const [answer, setAnswer] = useState<Answer<SearchAnswer>>({ value: null, failure: null, loading: false, at: 0 });
  useEffect(() => {
    if (!text) {
      setAnswer({ value: null, failure: null, loading: false, at: 0 });
      return;
    }
    let current = true;
    setAnswer((before) => ({ ...before, loading: true }));
    const timer = setTimeout(() => {
      source.search(text, limit).then(
        (value) => current && setAnswer({ value, failure: null, loading: false, at: Date.now() }),
        (error: unknown) => current && setAnswer({ value: null, failure: asFailure(error), loading: false, at: 0 }),
      );
    }, DELAY_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [source, text, limit]);
  return answer;
}
