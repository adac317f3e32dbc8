/** The page. */

import type { JSX } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Source } from "../data/source.ts";
import type { Card, ChangesAnswer, Dataset } from "../data/types.ts";
import type { Home as Place0, Layout } from "../layout/layout.ts";
import { csv } from "../model/csv.ts";
import { matcher } from "../model/filter.ts";
import { counted, number } from "../model/format.ts";
import { type Direction } from "../model/graph.ts";
import { idOf, jobName, lastPart } from "../model/names.ts";
import { type State, TABS, type Tab, toggled } from "../model/state.ts";
import { sortable } from "../model/time.ts";
import { MOST_BOXES, visible, type Visible } from "../model/visible.ts";
import { AboutTab } from "./about_tab.tsx";
import { Canvas, type CanvasActions, type Clicked } from "./canvas.tsx";
import { ChangesList } from "./changes_list.tsx";
import { ColumnsTab } from "./columns_tab.tsx";
import { Home } from "./home.tsx";
import { ImpactTab } from "./impact_tab.tsx";
import { Failed, Loading, save, Shown, StaleNote, Time } from "./parts.tsx";
import { arrange, type Picture, picture as pictureOf, type PictureInput } from "./picture.ts";
import { png, svgText } from "./picture_file.tsx";
import { RunsTab } from "./runs_tab.tsx";
import { Search } from "./search.tsx";
import { type Answer, columnsOf, type Go, type Place, useAddress, useChanges, useDatasets, useGraph, usePath } from "./store.ts";
import { ThemeButton } from "./theme.tsx";
import { OneMoment, TimeBar } from "./time_bar.tsx";
import { Legend, Menu, type MenuEntry, Toolbar, ZoomButtons } from "./toolbar.tsx";
import { columnItems, type Item, itemsOf, Tree } from "./tree.tsx";
import { WhyTab } from "./why_tab.tsx";

const REFRESH_MS = 60_000;

interface AppProps {
  source: Source;
  place: Place;
}

export function App({ source, place }: AppProps): JSX.Element {
  const [state, go] = useAddress(place);
  const [again, setAgain] = useState(0);
  const retry = useCallback(() => setAgain((before) => before + 1), []);
  useRefresh(source, retry);
  useKeys(retry);
  useEffect(() => {
    document.title = state.node ? `${lastPart(state.selected || state.node)} · Headwater` : "Headwater";
  }, [state.node, state.selected]);
  const pick = (node: string, column: string): void =>
    go({
      node,
      selected: node,
      query: "",
      column: column ? { node, name: column } : null,
      opened: [],
      closed: [],
      columns: [],
      job: "",
      tab: column ? "columns" : "lineage",
    });
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => skip(event)}>
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href={place === "hash" ? "#" : location.pathname}>
          <Logo />
          Headwater
        </a>
        <Search source={source} query={state.query} onPick={pick} onAll={(query) => go({ query, node: "", selected: "" })} />
        <div class="top-right">
          {source.live ? (
            <button type="button" class="icon" aria-label="Refresh" title="Ask again (r)" onClick={retry}>
              ↻
            </button>
          ) : null}
          <ThemeButton />
        </div>
      </header>
      {state.node ? (
        <DatasetPage source={source} state={state} go={go} again={again} retry={retry} />
      ) : (
        <>
          {source.live ? null : <OneMoment moment={source.moment} />}
          <Home source={source} query={state.query} again={again} retry={retry} go={go} />
        </>
      )}
    </>
  );
}

function skip(event: MouseEvent): void {
  event.preventDefault();
  const main = document.getElementById("main");
  main?.setAttribute("tabindex", "-1");
  main?.focus();
}

function Logo(): JSX.Element {
  return (
    <svg class="logo" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <path d="M3 5C9 5 9 12 15 12H21M3 19C9 19 9 12 15 12" />
      <circle cx="3.5" cy="5" r="2.2" />
      <circle cx="3.5" cy="19" r="2.2" />
      <circle cx="20.5" cy="12" r="2.2" />
    </svg>
  );
}

/** Asks again when the reader comes back after a while. */
function useRefresh(source: Source, retry: () => void): void {
  useEffect(() => {
    if (!source.live) return;
    let left = Date.now();
    const change = (): void => {
      if (document.visibilityState === "hidden") left = Date.now();
      else if (Date.now() - left > REFRESH_MS) retry();
    };
    document.addEventListener("visibilitychange", change);
    return () => document.removeEventListener("visibilitychange", change);
  }, [source, retry]);
}

/** True where a key means a letter. */
function isTyping(target: HTMLElement): boolean {
  return target instanceof HTMLInputElement ? target.type !== "checkbox" : /^(SELECT|TEXTAREA)$/.test(target.tagName);
}

function useKeys(retry: () => void): void {
  // Before the first picture: a key that is pressed early counts.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target as HTMLElement)) return;
      if (event.key === "/") {
        event.preventDefault();
        document.getElementById("search")?.focus();
      } else if (event.key === "r") retry();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [retry]);
}

interface DatasetProps {
  source: Source;
  state: State;
  go: Go;
  again: number;
  retry: () => void;
}

function DatasetPage({ source, state, go, again, retry }: DatasetProps): JSX.Element {
  const { path, answer: pathAnswer } = usePath(source, state, again);
  const onRoot = useCallback(
    (id: string, column: string | undefined) => {
      // A short name was asked for: what the state names by it has its full name from now on.
      const long = (name: string): string => (name === state.node ? id : name);
      const lit = state.column ? { ...state.column, node: long(state.column.node) } : null;
      const named = column ? { column: { node: id, name: column }, tab: "columns" as Tab } : { column: lit };
      const entries = (list: readonly string[]): string[] => list.map((entry) => entry.slice(0, 1) + long(entry.slice(1)));
      const opened = { opened: entries(state.opened), closed: entries(state.closed), columns: state.columns.map(long) };
      go({ node: id, selected: long(state.selected), ...opened, ...named }, true);
    },
    [go, state],
  );
  const answers = useGraph(source, state, path, again, onRoot);
  const wanted = useMemo(() => [...new Set([state.selected, ...state.columns])].filter(Boolean), [state.selected, state.columns]);
  const known = answers.graph.cards.has(state.node);
  const { answer: changes, marks } = useChanges(source, state, again);
  const described = known ? wanted.filter((id) => (answers.graph.cards.get(id)?.kind ?? "dataset") === "dataset") : [];
  const datasets = useDatasets(source, described, again, state, marks);
  const shown = useMemo(
    () => visible(answers.graph, state, path ? [...path.columns.keys(), ...path.unknown.flat(), ...path.uses.flat()] : []),
    [answers.graph, state.node, state.up, state.down, state.opened, state.closed, path],
  );
  const columns = useMemo(() => columnsOf(datasets), [datasets]);
  const input: PictureInput = { graph: answers.graph, visible: shown, state, path, columns, marks };
  const [tidy, setTidy] = useState(0);
  const picture = usePicture(input, `${answers.settled}\n${tidy}`);
  const actions = useRef<CanvasActions>(null);
  useEffect(() => {
    const frame = requestAnimationFrame(() => actions.current?.reveal(state.selected));
    return () => cancelAnimationFrame(frame);
  }, [state.selected, picture.boxes.length]);
  useCanvasKeys(actions, () => setTidy((before) => before + 1), () => go({ column: null }));

  if (!known) {
    return (
      <main class="center" id="main">
        <h1 class="unseen">{lastPart(state.node)}</h1>
        {answers.failure ? (
          <div>
            {source.live && (state.at || state.from) ? <TimeBar source={source} state={state} again={again} go={go} /> : null}
            <Failed failure={answers.failure} again={retry} />
          </div>
        ) : (
          <Loading what={lastPart(state.node)} />
        )}
      </main>
    );
  }
  const filter = matcher(state.filter);
  const matches = filter ? shown.ids.filter((id) => filter(answers.graph.cards.get(id)!)).length : null;
  return (
    <main class="dataset" id="main">
      <section class="graph" aria-label="Graph">
        <Toolbar state={state} levels={answers.levels} matches={matches} go={go} />
        <TimeBar source={source} state={state} again={again} go={go} />
        <Canvas
          picture={picture}
          subject={`${answers.settled}\n${tidy}`}
          label={`Lineage of ${lastPart(state.node)}: ${counted(shown.ids.length, "dataset")}. The tab Lineage has the same as a list.`}
          onClick={(target) => clicked(target, state, shown, go)}
          spotlight={path ? `${path.root.id}\n${path.root.column}` : ""}
          actions={actions}
        />
        <ZoomButtons actions={actions} onTidy={() => setTidy((before) => before + 1)} />
        <Legend lit={path !== null} compares={marks !== null} />
        <Notes answers={answers} shown={shown} state={state} retry={retry} pathFailure={pathAnswer.failure?.message ?? ""} />
      </section>
      <Panel
        source={source}
        state={state}
        go={go}
        again={again}
        retry={retry}
        input={input}
        picture={picture}
        dataset={datasets.get(state.selected)}
        changes={changes}
      />
    </main>
  );
}

/** The picture; places are found anew when the subject changes, otherwise what is there stays. */
function usePicture(input: PictureInput, subject: string): Picture {
  const memory = useRef<{ subject: string; shape: string; homes: Map<string, Place0>; layout: Layout } | null>(null);
  return useMemo(() => {
    const before = memory.current;
    const extended = before?.subject === subject;
    const { drawn, layout } = arrange(input, extended ? before.homes : null, extended ? before : null);
    memory.current = { subject, shape: drawn.shape, homes: layout.homes, layout };
    return pictureOf(input, drawn, layout, matcher(input.state.filter));
  }, [input.graph, input.visible, input.path, input.columns, input.state.columns, input.state.selected, input.state.filter, input.marks, subject]);
}

function useCanvasKeys(actions: { current: CanvasActions | null }, tidy: () => void, clear: () => void): void {
  const latest = useRef({ tidy, clear });
  latest.current = { tidy, clear };
  // Before the first picture: a key that is pressed early counts.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target as HTMLElement)) return;
      const keys: Record<string, () => void> = {
        "+": () => actions.current?.zoom(1.3),
        "=": () => actions.current?.zoom(1.3),
        "-": () => actions.current?.zoom(1 / 1.3),
        "0": () => actions.current?.fit(),
        t: () => latest.current.tidy(),
        Escape: () => latest.current.clear(),
      };
      keys[event.key]?.();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [actions]);
}

function clicked(target: Clicked, state: State, shown: Visible, go: Go): void {
  if (target.node.startsWith("more ")) {
    go({ opened: [...new Set([...state.opened, target.node.slice(5)])] });
  } else if (target.handle) {
    const open = (shown.hidden.get(target.node)?.[target.handle] ?? 0) > 0;
    go(open ? opening(state, target.node, target.handle) : folding(state, target.node, target.handle));
  } else if (target.column !== null) {
    if (target.column === "") go({ selected: target.node, tab: "columns" });
    else {
      const isLit = state.column?.node === target.node && state.column.name === target.column;
      go({ column: isLit ? null : { node: target.node, name: target.column }, selected: target.node });
    }
  } else if (target.double) {
    go({ node: target.node, selected: target.node, opened: [], closed: [] });
  } else {
    go({ selected: target.node, job: "" });
  }
}

/** Shows what hangs behind a dataset. */
function opening(state: State, id: string, direction: Direction): Partial<State> {
  const entry = direction + id;
  const closed = state.closed.filter((one) => one !== entry);
  return closed.length < state.closed.length ? { closed } : { opened: [...new Set([...state.opened, entry])] };
}

function folding(state: State, id: string, direction: Direction): Partial<State> {
  const entry = direction + id;
  return { opened: state.opened.filter((one) => one !== entry), closed: [...new Set([...state.closed, entry])] };
}

interface NotesProps {
  answers: ReturnType<typeof useGraph>;
  shown: Visible;
  state: State;
  retry: () => void;
  pathFailure: string;
}

function Notes({ answers, shown, state, retry, pathFailure }: NotesProps): JSX.Element {
  const earliest = sortable(state.from || state.at, Date.now());
  return (
    <div class="notes">
      {answers.knownSince && earliest && earliest < sortable(answers.knownSince, 0) ? (
        <div class="folded" role="status">
          Older runs were pruned: all is known since <Time at={answers.knownSince} /> only.
        </div>
      ) : null}
      {answers.failure ? <StaleNote at={answers.at} failure={answers.failure} again={retry} /> : null}
      {pathFailure ? <div class="stale" role="status">{pathFailure}</div> : null}
      {shown.cut || answers.total > answers.graph.cards.size ? (
        <div class="folded" role="status">
          {number(shown.ids.length)} of {number(Math.max(answers.total, shown.ids.length))} datasets shown, nearest first
          {shown.cut ? ` (at most ${number(MOST_BOXES)})` : ""}. The tab Impact lists all downstream.
        </div>
      ) : null}
      {answers.loading ? <Loading what="more" /> : null}
    </div>
  );
}

const TAB_NAMES: Record<Tab, string> = {
  lineage: "Lineage",
  columns: "Columns",
  impact: "Impact",
  why: "Why",
  runs: "Runs",
  about: "About",
};

/** Tabs that have something about a job. */
const JOB_TABS: readonly Tab[] = ["lineage", "runs", "about"];

interface PanelProps extends DatasetProps {
  input: PictureInput;
  picture: Picture;
  dataset: { value: Dataset | null } | undefined;
  changes: Answer<ChangesAnswer>;
}

function Panel(props: PanelProps): JSX.Element {
  const { state, go, input } = props;
  const tabs = useRef<HTMLDivElement>(null);
  const shown = input.graph.cards.get(state.selected)?.kind === "job" ? JOB_TABS : TABS;
  const current = shown.includes(state.tab) ? state.tab : "about";
  const onKey = (event: KeyboardEvent, at: number): void => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = shown[(to + shown.length) % shown.length]!;
    go({ tab: next });
    tabs.current!.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  };
  return (
    <section class="panel" aria-label="Details">
      <PanelHead {...props} />
      <div class="tabs" role="tablist" aria-label="Details" ref={tabs}>
        {shown.map((tab, at) => (
          <button
            key={tab}
            id={`tab-${tab}`}
            type="button"
            role="tab"
            aria-selected={current === tab}
            aria-controls="tab-panel"
            tabIndex={current === tab ? 0 : -1}
            onClick={() => go({ tab })}
            onKeyDown={(event) => onKey(event, at)}
          >
            {TAB_NAMES[tab]}
          </button>
        ))}
      </div>
      <div class="tab-panel" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${current}`} tabIndex={0}>
        <TabContent {...props} />
      </div>
    </section>
  );
}

function PanelHead({ state, go, input, picture, source }: PanelProps): JSX.Element {
  const card = input.graph.cards.get(state.selected);
  const [copied, setCopied] = useState(false);
  const copy = (): void => {
    void navigator.clipboard.writeText(location.href).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    });
  };
  const title = `Lineage of ${lastPart(state.node)}`;
  const name = lastPart(state.node);
  const entries: MenuEntry[] = [
    { label: "Picture as SVG", run: () => save(`${name}.svg`, svgText(picture, title), "image/svg+xml") },
    { label: "Picture as PNG", run: () => void png(picture, title).then((blob) => save(`${name}.png`, blob, "image/png")) },
    { label: "List as CSV", run: () => save(`${name}.csv`, listCsv(input), "text/csv") },
    { label: "Print", run: () => print() },
  ];
  const isRoot = state.selected === state.node;
  const openColumns = state.columns.includes(state.selected);
  return (
    <div class="panel-head">
      <h1 title={state.selected}>{card?.node_name ?? lastPart(state.selected)}</h1>
      <p class="where">{state.selected}</p>
      <div class="actions">
        {isRoot ? null : (
          <button type="button" onClick={() => go({ node: state.selected, opened: [], closed: [] })}>
            Focus
          </button>
        )}
        {card?.kind === "dataset" ? (
          <button type="button" aria-pressed={openColumns} onClick={() => go({ columns: toggled(state.columns, state.selected) })}>
            Columns in graph
          </button>
        ) : null}
        <button type="button" onClick={copy}>
          {copied ? "Copied" : "Copy link"}
        </button>
        <Menu label="Export" entries={entries} />
        <span class="unseen" role="status">
          {copied ? "Link copied" : ""}
        </span>
        {source.live ? null : <span class="chip">file</span>}
      </div>
    </div>
  );
}

function listCsv({ graph, visible: shown }: PictureInput): string {
  const headings = ["namespace", "name", "engine", "materialized", "owners", "tags", "last_state", "tests_failed"];
  const rows = shown.ids.map((id) => {
    const card = graph.cards.get(id)!;
    const texts = [card.namespace, card.name, card.engine, card.materialized ?? "", card.owners.join(" "), card.tags.join(" ")];
    return [...texts, card.last_run?.state ?? "", card.tests.failed];
  });
  return csv(headings, rows);
}

function TabContent(props: PanelProps): JSX.Element {
  const { source, state, go, again, retry, input, dataset } = props;
  const { graph, path } = input;
  const id = state.selected;
  const card = graph.cards.get(id);
  if (state.tab === "lineage") return <LineageTab {...props} />;
  if (card?.kind === "exposure") return <ExposureAbout name={id} card={card} />;
  if (card?.kind === "job" && state.tab !== "runs") return <JobAbout card={card} />;
  if (state.tab === "impact") return <ImpactTab source={source} id={id} state={state} go={go} again={again} retry={retry} />;
  if (state.tab === "why") return <WhyTab source={source} id={id} state={state} go={go} again={again} retry={retry} />;
  if (state.tab === "runs") return <RunsTab source={source} id={id} state={state} go={go} again={again} retry={retry} />;
  const answer = (dataset ?? { value: null, failure: null, loading: true, at: 0 }) as Parameters<typeof Shown<Dataset>>[0]["answer"];
  return (
    <Shown answer={answer} what="details" again={retry}>
      {(found) =>
        state.tab === "columns" ? (
          <ColumnsTab dataset={found} id={id} state={state} path={path} graph={graph} go={go} />
        ) : (
          <AboutTab dataset={found} go={go} />
        )
      }
    </Shown>
  );
}

function ExposureAbout({ name, card }: { name: string; card: Card }): JSX.Element {
  const url = card.exposure?.url;
  return (
    <dl class="fields">
      <dt>Exposure</dt>
      <dd class="code">{name}</dd>
      <dt>Type</dt>
      <dd>{card.exposure?.type ?? "unknown"}</dd>
      <dt>Owner</dt>
      <dd>{card.exposure?.owner ?? "unknown"}</dd>
      {url && /^https?:\/\//i.test(url) ? (
        <>
          <dt>Address</dt>
          <dd>
            <a href={url} rel="noreferrer">
              {url}
            </a>
          </dd>
        </>
      ) : null}
    </dl>
  );
}

function JobAbout({ card }: { card: Card }): JSX.Element {
  return (
    <dl class="fields">
      <dt>Job</dt>
      <dd class="code">{card.name}</dd>
      <dt>Namespace</dt>
      <dd class="code">{jobName(card.namespace)}</dd>
      <dt>Integration</dt>
      <dd>{card.materialized ?? "unknown"}</dd>
      <dt>Inputs</dt>
      <dd>{number(card.sources)}</dd>
      <dt>Outputs</dt>
      <dd>{number(card.uses)}</dd>
    </dl>
  );
}

function LineageTab({ source, state, go, input, changes, retry }: PanelProps): JSX.Element {
  const { graph, visible: shown, path, marks } = input;
  const select = (item: Item): void => {
    if (item.column === "more") go({ opened: [...new Set([...state.opened, item.direction + item.node])] });
    else if (item.node) go({ selected: item.node, job: "" }, true);
  };
  const open = (item: Item): void => {
    if (item.level === 1 || item.column === "more") return select(item);
    go({ node: item.node, selected: item.node, opened: [], closed: [], ...(path ? {} : { column: null }) });
  };
  if (path) {
    return (
      <>
        <p class="summary">
          Path of <strong>{path.root.column === "*" ? "all rows" : path.root.column}</strong> of {lastPart(path.root.id)}{" "}
          <button type="button" class="quiet" onClick={() => go({ column: null })}>
            Clear (Esc)
          </button>
        </p>
        <label class="check">
          <input type="checkbox" checked={state.direct} onChange={(event) => go({ direct: event.currentTarget.checked })} />
          Only values (DIRECT)
        </label>
        {path.unknown.length > 0 ? (
          <div class="unknown-note">
            Column lineage is unknown beyond {[...path.ends].map(lastPart).slice(0, 5).join(", ")}: dotted lines are by table.
          </div>
        ) : null}
        <Tree label={`Column lineage of ${path.root.column}`} items={columnItems(path, graph)} selected={state.selected} onSelect={select} onOpen={open} onToggle={() => undefined} />
      </>
    );
  }
  const toggle = (item: Item, expand: boolean): void =>
    go(expand ? opening(state, item.node, item.direction) : folding(state, item.node, item.direction));
  return (
    <>
      <p class="hint-line">
        {counted(shown.ids.length, "dataset")} shown. <span class="muted">Arrows move, → opens, Enter focuses.</span>
      </p>
      <Tree label={`Lineage of ${lastPart(state.node)}`} items={itemsOf(graph, shown, state, marks)} selected={state.selected} onSelect={select} onOpen={open} onToggle={toggle} />
      {state.from && source.live ? <ChangesList answer={changes} go={go} retry={retry} /> : null}
    </>
  );
}

export { idOf };
