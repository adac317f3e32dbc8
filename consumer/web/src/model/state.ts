/**
 * The page's state, all of which is in its address: a link shows a colleague the same.
 *
 * `node` is the dataset that the graph grows from, `sel` the selected one, `col` the column whose path is lit. `at`,
 * `from` and `to` are times: the lineage as of then, and a comparison.
 */

import { jobId } from "./names.ts";

export type Tab = "lineage" | "columns" | "impact" | "why" | "runs" | "about";
export const TABS: readonly Tab[] = ["lineage", "columns", "impact", "why", "runs", "about"];

export type ChangeKind = "drop" | "rename" | "type" | "stop";
export const CHANGES: readonly ChangeKind[] = ["drop", "rename", "type", "stop"];

export const ALL = 100;

export interface State {
  node: string;
  selected: string;
  /** The lit column, with its dataset. */
  column: { node: string; name: string } | null;
  up: number;
  down: number;
  /** Datasets whose neighbours are shown beyond the levels: `<` upstream, `>` downstream, then the id. */
  opened: readonly string[];
  /** Datasets behind which nothing is shown, likewise. */
  closed: readonly string[];
  /** Datasets that show their columns. */
  columns: readonly string[];
  tab: Tab;
  change: ChangeKind;
  /** Only columns whose values are used. */
  direct: boolean;
  filter: string;
  query: string;
  job: string;
  at: string;
  from: string;
  to: string;
}

export const EMPTY: State = {
  node: "",
  selected: "",
  column: null,
  up: 1,
  down: 1,
  opened: [],
  closed: [],
  columns: [],
  tab: "lineage",
  change: "drop",
  direct: false,
  filter: "",
  query: "",
  job: "",
  at: "",
  from: "",
  to: "",
};

/** Datasets of the root's namespace go by `.` and their name, so that links stay short. */
function packed(id: string, root: string, namespace: string): string {
  return id !== root && namespace && id.startsWith(`${namespace}/`) ? `.${id.slice(namespace.length)}` : id;
}

function unpacked(id: string, namespace: string): string {
  return id.startsWith("./") ? `${namespace}${id.slice(1)}` : id;
}

/** The namespace of an id: names of datasets with a scheme begin after its host, those of ARNs after its account. */
export function namespaceOf(id: string): string {
  const scheme = id.indexOf("://");
  const cut = id.indexOf("/", scheme < 0 ? 0 : scheme + 3);
  return cut < 0 ? "" : id.slice(0, cut);
}

export function toQuery(state: State): string {
  const query = new URLSearchParams();
  const space = namespaceOf(state.node);
  const short = (id: string): string => packed(id, state.node, space);
  const marked = (entry: string): string => entry.slice(0, 1) + short(entry.slice(1));
  const put = (name: string, value: string, otherwise = ""): void => {
    if (value !== otherwise) query.set(name, value);
  };
  put("q", state.query);
  put("node", state.node);
  put("job", state.job);
  put("sel", state.selected === state.node ? "" : short(state.selected));
  if (state.column) {
    put("on", state.column.node === state.node ? "" : short(state.column.node));
    query.set("col", state.column.name);
  }
  put("up", depth(state.up), "1");
  put("down", depth(state.down), "1");
  for (const entry of state.opened) query.append("open", marked(entry));
  for (const entry of state.closed) query.append("fold", marked(entry));
  for (const entry of state.columns) query.append("cols", short(entry));
  put("tab", state.tab, "lineage");
  put("change", state.change, "drop");
  put("direct", state.direct ? "1" : "");
  put("filter", state.filter);
  put("at", state.at);
  put("from", state.from);
  put("to", state.to);
  return query.toString();
}

function depth(steps: number): string {
  return steps >= ALL ? "all" : String(steps);
}

export function fromQuery(text: string): State {
  const query = new URLSearchParams(text);
  const get = (name: string): string => query.get(name) ?? "";
  // A job alone is shown with its inputs and outputs.
  const node = get("node") || (get("job") && jobId(get("job")));
  const space = namespaceOf(node);
  const long = (id: string): string => unpacked(id, space);
  const marked = (name: string): string[] =>
    query
      .getAll(name)
      .filter((entry) => /^[<>]./.test(entry))
      .map((entry) => entry.slice(0, 1) + long(entry.slice(1)));
  const column = get("col");
  return {
    ...EMPTY,
    node,
    selected: long(get("sel")) || node,
    column: column && node ? { node: long(get("on")) || node, name: column } : null,
    up: steps(get("up")),
    down: steps(get("down")),
    opened: marked("open"),
    closed: marked("fold"),
    columns: query.getAll("cols").map(long),
    tab: oneOf(TABS, get("tab"), "lineage"),
    change: oneOf(CHANGES, get("change"), "drop"),
    direct: get("direct") === "1",
    filter: get("filter"),
    query: get("q"),
    job: get("node") ? get("job") : "",
    at: get("at"),
    from: get("from"),
    to: get("to"),
  };
}

function steps(text: string): number {
  if (text === "all") return ALL;
  const number = Number.parseInt(text, 10);
  return Number.isNaN(number) ? 1 : Math.min(Math.max(number, 0), ALL);
}

function oneOf<T extends string>(known: readonly T[], text: string, otherwise: T): T {
  return known.find((one) => one === text) ?? otherwise;
}

export function toggled(list: readonly string[], entry: string): string[] {
  return list.includes(entry) ? list.filter((one) => one !== entry) : [...list, entry];
}
