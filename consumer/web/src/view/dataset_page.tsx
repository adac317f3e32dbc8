/** The page about a dataset, or a job: its graph, and the panel beside it. */

import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Source } from "../data/source.ts";
import type { Home as Place0, Layout } from "../layout/layout.ts";
import { matcher } from "../model/filter.ts";
import { counted } from "../model/format.ts";
import { lastPart } from "../model/names.ts";
import type { State, Tab } from "../model/state.ts";
import { folding, opening } from "../model/unfold.ts";
import { type Visible, visible } from "../model/visible.ts";
import { Canvas, type CanvasActions, type Clicked } from "./graph/canvas.tsx";
import { arrange, type Picture, picture as pictureOf, type PictureInput, stubEntry } from "./graph/picture.ts";
import { Legend, Toolbar, ZoomButtons } from "./graph/toolbar.tsx";
import { useCanvasKeys } from "./keys.ts";
import { Notes } from "./notes.tsx";
import { Panel } from "./panel.tsx";
import { Failed, Loading } from "./parts.tsx";
import { columnsOf, type Go, useChanges, useDatasets, useGraph, usePath } from "./store.ts";
import { TimeBar } from "./time_bar.tsx";

/** What the parts of the page about a node are given. */
export interface DatasetProps {
  source: Source;
  state: State;
  go: Go;
  again: number;
  retry: () => void;
}

export function DatasetPage({ source, state, go, again, retry }: DatasetProps): JSX.Element {
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

function clicked(target: Clicked, state: State, shown: Visible, go: Go): void {
  const more = stubEntry(shown.stubs, target.node);
  if (more !== null) {
    go({ opened: [...new Set([...state.opened, more])] });
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
