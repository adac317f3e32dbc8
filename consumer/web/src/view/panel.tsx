/** The panel beside the graph: tabs about the selected node. */

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { ChangesAnswer, Dataset } from "../data/types.ts";
import { type Tab, TABS } from "../model/state.ts";
import type { DatasetProps } from "./dataset_page.tsx";
import type { Picture, PictureInput } from "./graph/picture.ts";
import { PanelHead } from "./panel_head.tsx";
import { Shown } from "./parts.tsx";
import type { Answer } from "./store.ts";
import { AboutTab } from "./tabs/about_tab.tsx";
import { ColumnsTab } from "./tabs/columns_tab.tsx";
import { ImpactTab } from "./tabs/impact_tab.tsx";
import { LineageTab } from "./tabs/lineage_tab.tsx";
import { ExposureAbout, JobAbout } from "./tabs/node_about.tsx";
import { RunsTab } from "./tabs/runs_tab.tsx";
import { WhyTab } from "./tabs/why_tab.tsx";

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

export interface PanelProps extends DatasetProps {
  input: PictureInput;
  picture: Picture;
  dataset: { value: Dataset | null } | undefined;
  changes: Answer<ChangesAnswer>;
}

export function Panel(props: PanelProps): JSX.Element {
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
