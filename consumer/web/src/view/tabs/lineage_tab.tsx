/** The graph as a list, or the path of a column. */

import type { JSX } from "preact";
import { counted } from "../../model/format.ts";
import { lastPart } from "../../model/names.ts";
import { folding, opening } from "../../model/unfold.ts";
import type { PanelProps } from "../panel.tsx";
import { ChangesList } from "./changes_list.tsx";
import { columnItems, type Item, itemsOf, Tree } from "./tree.tsx";

export function LineageTab({ source, state, go, input, changes, retry }: PanelProps): JSX.Element {
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
