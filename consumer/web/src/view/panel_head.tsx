/** The head of the panel: the name of the node, and what can be done with it. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { csv } from "../model/csv.ts";
import { datasetName, lastPart } from "../model/names.ts";
import { toggled } from "../model/state.ts";
import type { PictureInput } from "./graph/picture.ts";
import { png, svgText } from "./graph/picture_file.tsx";
import { Menu, type MenuEntry } from "./graph/toolbar.tsx";
import type { PanelProps } from "./panel.tsx";
import { save } from "./parts.tsx";

export function PanelHead({ state, go, input, picture, source }: PanelProps): JSX.Element {
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
      <h1 title={datasetName(state.selected)}>{card?.node_name ?? lastPart(state.selected)}</h1>
      <p class="where">{datasetName(state.selected)}</p>
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
