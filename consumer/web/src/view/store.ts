/** The state in the address, and answers that it needs. */

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Failure, FAR, type GraphQuery, type Source } from "../data/source.ts";
import type { ChangesAnswer, Column, Dataset, GraphAnswer } from "../data/types.ts";
import { type Marks, marksOf } from "../model/changes.ts";
import { type ColumnPath, columnPath } from "../model/column_path.ts";
import { degree, type Direction, type Graph, merged, neighbours, NO_GRAPH, rootOf } from "../model/graph.ts";
import { columnId } from "../model/names.ts";
import { fromQuery, type State, toQuery } from "../model/state.ts";
import { timesKey } from "../model/time.ts";
import { OPENED_FAN } from "../model/visible.ts";

/** Where the state stands in the address: behind `?`, or behind `#` in a file. */
export type Place = "search" | "hash";

export type Go = (change: Partial<State>, replace?: boolean) => void;

export function useAddress(place: Place): [State, Go] {
  const read = useCallback((): State => fromQuery(location[place].slice(1)), [place]);
  const [state, setState] = useState(read);
  const latest = useRef(state);
  useEffect(() => {
    const back = (): void => {
      latest.current = read();
      setState(latest.current);
    };
    addEventListener(place === "hash" ? "hashchange" : "popstate", back);
    return () => removeEventListener(place === "hash" ? "hashchange" : "popstate", back);
  }, [place, read]);
  const go = useCallback<Go>(
    (change, replace = false) => {
      const next = { ...latest.current, ...change };
      const query = toQuery(next);
      if (query === toQuery(latest.current)) return;
      latest.current = next;
      setState(next);
      const address = place === "hash" ? `#${query}` : query ? `?${query}` : location.pathname;
      history[replace ? "replaceState" : "pushState"](null, "", address);
    },
    [place],
  );
  return [state, go];
}

export interface Answer<T> {
  value: T | null;
  failure: Failure | null;
  loading: boolean;
  /** When the value was answered. */
  at: number;
}

const nothing = <T>(): Answer<T> => ({ value: null, failure: null, loading: false, at: 0 });

/** The failure to show while something is asked again: the form for a key stays, since a key may be typed into it. */
function whileAsking(failure: Failure | null): Failure | null {
  return failure?.kind === "not-authorized" ? failure : null;
}

export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure("broken", error instanceof Error ? error.message : String(error));
}

/** Asks for something whenever its key changes; an empty key asks for nothing. An old value stays while it is asked again. */
export function useAnswer<T>(key: string, ask: () => Promise<T>, again = 0): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T> & { key: string }>({ ...nothing<T>(), key: "" });
  const asking = useRef(ask);
  asking.current = ask;
  useEffect(() => {
    if (!key) {
      setAnswer({ ...nothing<T>(), key });
      return;
    }
    let current = true;
    setAnswer((before) => {
      const known = before.key === key ? before : nothing<T>();
      return { ...known, key, loading: true, failure: whileAsking(known.failure) };
    });
    asking.current().then(
      (value) => current && setAnswer({ key, value, failure: null, loading: false, at: Date.now() }),
      (error) => current && setAnswer((before) => ({ ...before, failure: asFailure(error), loading: false })),
    );
    return () => {
      current = false;
    };
  }, [key, again]);
  return answer.key === key ? answer : { ...nothing<T>(), loading: key !== "" };
}

export interface GraphAnswers {
  /** Since when all is known of the past that is asked about; empty if nothing was pruned. */
  knownSince: string;
  graph: Graph;
  total: number;
  levels: { upstream: number[]; downstream: number[] };
  failure: Failure | null;
  loading: boolean;
  at: number;
  /** The dataset and levels of the last answer; places may be found anew when it changes. */
  settled: string;
}

const NO_ANSWERS: GraphAnswers = {
  knownSince: "",
  graph: NO_GRAPH,
  total: 0,
  levels: { upstream: [], downstream: [] },
  failure: null,
  loading: false,
  at: 0,
  settled: "",
};

/** The answers of a moment, or of both moments of a comparison, the later one last; a dataset may be in one of them. */
async function answersOf(source: Source, state: State, query: GraphQuery): Promise<GraphAnswer[]> {
  if (!state.from) return [await source.graph(query)];
  const both = await Promise.allSettled([source.graph(query, state.from), source.graph(query, state.to)]);
  const found = both.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const failed = both.map((one) => (one.status === "rejected" ? asFailure(one.reason) : null)).filter((one) => one !== null);
  const serious = failed.find((one) => one.kind !== "unknown-name" || found.length === 0);
  if (serious) throw serious;
  return found;
}

/** The part of the graph that the state shows; what was known stays while more is asked for. */
export function useGraph(
  source: Source,
  state: State,
  path: ColumnPath | null,
  again: number,
  onRoot: (id: string, column: string | undefined) => void,
): GraphAnswers {
  const times = timesKey(state);
  const subject = `${state.node}\n${times}\n${again}`;
  const [answers, setAnswers] = useState<GraphAnswers & { generation: string }>({ ...NO_ANSWERS, generation: "" });
  const generation = `${times}\n${again}`;
  const asked = useRef({ subject, keys: new Set<string>() });
  const current = useRef(subject);
  current.current = subject;
  const latest = useRef({ onRoot, state });
  latest.current = { onRoot, state };

  const load = useCallback(
    (node: string, upstream: number, downstream: number, isRoot: boolean) => {
      // Of what was asked before another root or moment, answers may be gone.
      if (asked.current.subject !== subject) asked.current = { subject, keys: new Set() };
      const settled = `${node}\n${upstream}\n${downstream}`;
      if (asked.current.keys.has(settled)) {
        if (isRoot) setAnswers((before) => ({ ...before, settled }));
        return;
      }
      const { keys } = asked.current;
      keys.add(settled);
      if (isRoot) setAnswers((before) => ({ ...before, loading: true, failure: whileAsking(before.failure) }));
      const query = { node, upstream, downstream, limit: 1_000 };
      const take = (own: typeof query & { states: boolean }): Promise<void> =>
        answersOf(source, latest.current.state, own).then((found) => {
          if (current.current !== subject) return;
          const answer = found.at(-1)!;
          setAnswers((before) => ({
            ...before,
            // What an older answer named may be gone by now.
            graph: found.reduce(merged, before.generation === generation ? before.graph : NO_GRAPH),
            knownSince: found[0]!.known_since ?? "",
            generation,
            failure: null,
            at: Date.now(),
            ...(isRoot ? { loading: false, total: answer.total, levels: answer.levels, settled } : {}),
          }));
          const id = rootOf(answer);
          if (isRoot && (id !== node || answer.root.column)) latest.current.onRoot(id, answer.root.column);
        });
      // The picture first; the runs of all jobs in it may take longer to read.
      take({ ...query, states: false })
        .then(() => take({ ...query, states: true }))
        .catch((error: unknown) => {
          keys.delete(settled);
          if (current.current !== subject) return;
          setAnswers((before) => ({ ...before, failure: asFailure(error), loading: false }));
        });
    },
    [source, subject, generation],
  );

  useEffect(() => {
    if (state.node) load(state.node, state.up, state.down, true);
  }, [load, state.node, state.up, state.down]);

  useEffect(() => {
    if (state.node && path && path.depth > 0) load(path.root.id, path.depth, path.depth, false);
  }, [load, state.node, path]);

  useEffect(() => {
    for (const entry of state.opened) {
      const [direction, id] = [entry.slice(0, 1) as Direction, entry.slice(1)];
      const known = neighbours(answers.graph, id, direction).length;
      const wanted = Math.min(OPENED_FAN, degree(answers.graph, id, direction));
      if (state.node && (known < wanted || !answers.graph.cards.has(id))) {
        load(id, direction === "<" ? 1 : 0, direction === ">" ? 1 : 0, false);
      }
    }
  }, [load, state.node, state.opened, answers.graph]);

  return answers;
}

/** The path of the lit column. */
export function usePath(source: Source, state: State, again: number): { path: ColumnPath | null; answer: Answer<unknown> } {
  const node = state.column ? columnId(state.column.node, state.column.name) : "";
  const answer = useAnswer(node && `${node}\n${timesKey(state)}`, () => source.columnPath(node), again);
  const path = useMemo(
    () => (answer.value ? columnPath(answer.value, state.direct) : null),
    [answer.value, state.direct],
  );
  return { path, answer };
}

/** What a comparison found around the root; nothing without one. */
export function useChanges(source: Source, state: State, again: number): { answer: Answer<ChangesAnswer>; marks: Marks | null } {
  const key = state.from && source.live ? `${state.node}\n${state.up}\n${state.down}\n${timesKey(state)}` : "";
  const query = { node: state.node, upstream: state.up, downstream: state.down };
  const answer = useAnswer(key, () => source.changes(query, state.from, state.to), again);
  const marks = useMemo(() => (answer.value ? marksOf(answer.value) : null), [answer.value]);
  return { answer, marks };
}

/** Descriptions of datasets at the moment that is shown, kept while the page is open. */
export function useDatasets(
  source: Source,
  ids: readonly string[],
  again: number,
  state: State,
  marks: Marks | null,
): ReadonlyMap<string, Answer<Dataset>> {
  const times = timesKey(state);
  const [known, setKnown] = useState<ReadonlyMap<string, Answer<Dataset>>>(new Map());
  const asked = useRef(new Set<string>());
  useEffect(() => asked.current.clear(), [again]);
  const before = useRef(times);
  useEffect(() => {
    if (before.current === times) return;
    before.current = times;
    asked.current.clear();
    setKnown(new Map());
  }, [times]);
  // A dataset that is gone is described as it was.
  const gone = ids.filter((id) => marks?.datasets.get(id) === "removed");
  // JSON, since a name may hold any separator.
  const key = JSON.stringify(ids);
  useEffect(() => {
    const put = (id: string, change: (old: Answer<Dataset>) => Answer<Dataset>): void => {
      if (before.current === times) setKnown((old) => new Map(old).set(id, change(old.get(id) ?? nothing<Dataset>())));
    };
    for (const id of JSON.parse(key) as string[]) {
      const question = gone.includes(id) ? `${id}\nbefore` : id;
      if (asked.current.has(question)) continue;
      asked.current.add(question);
      put(id, (old) => ({ ...old, loading: true, failure: whileAsking(old.failure) }));
      source.dataset(id, gone.includes(id) ? state.from : undefined).then(
        (value) => put(id, () => ({ value, failure: null, loading: false, at: Date.now() })),
        (error: unknown) => {
          asked.current.delete(question);
          put(id, (old) => ({ ...old, failure: asFailure(error), loading: false }));
        },
      );
    }
  }, [source, key, again, times, gone.length]);
  return known;
}

export function columnsOf(datasets: ReadonlyMap<string, Answer<Dataset>>): ReadonlyMap<string, readonly Column[]> {
  const found = new Map<string, readonly Column[]>();
  for (const [id, answer] of datasets) if (answer.value) found.set(id, answer.value.columns);
  return found;
}

export { FAR };
