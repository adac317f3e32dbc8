import assert from "node:assert/strict";
import { test } from "node:test";
import type { Card, GraphAnswer, LineageAnswer } from "../src/data/types.ts";
import { columnPath } from "../src/model/column_path.ts";
import { merged, NO_GRAPH } from "../src/model/graph.ts";
import { EMPTY } from "../src/model/state.ts";
import { visible } from "../src/model/visible.ts";
import { arrange, culled, HEAD, MOST_ROWS, type Picture, picture, type PictureInput, ROW, stubEntry } from "../src/view/graph/picture.ts";
import { xml } from "../src/view/graph/picture_file.tsx";
import { Scene } from "../src/view/graph/scene.tsx";

const SPACE = "redshift://host:5439";

const card = (name: string): Card => ({
  ...{ namespace: SPACE, name, node_name: name, kind: "dataset", upstream: null, downstream: null, engine: "Redshift" },
  ...{ materialized: "view", lifecycle: null, owners: [], tags: [], tests: { passed: 0, failed: 0 }, columns: 2 },
  ...{ sources: 0, uses: 0, exposure: null, last_run: null },
});

const ANSWER: GraphAnswer = {
  root: { namespace: SPACE, name: "t", node_name: "t" },
  nodes: [card("t"), card("<s & \"co\">"), card("u")],
  links: [
    [1, 0, "DBT"],
    [0, 2, "DBT"],
  ],
  levels: { upstream: [1], downstream: [1] },
  total: 3,
};

const LINEAGE: LineageAnswer = {
  root: { namespace: SPACE, name: "t", node_name: "t", column: "x" },
  nodes: [],
  edges: [
    { source: [SPACE, '<s & "co">', "a"], target: [SPACE, "t", "x"], job: ["dbt", "j"], transformations: ["DIRECT/IDENTITY"] },
    { source: [SPACE, '<s & "co">', "b"], target: [SPACE, "t", "*"], job: ["dbt", "j"], transformations: ["INDIRECT/FILTER"] },
  ],
  unknown: { nodes: [], edges: [{ source: [SPACE, "t"], target: [SPACE, "u"], job: ["dbt", "j"] }] },
};

function drawn(change: Partial<PictureInput> = {}): Picture {
  const graph = merged(NO_GRAPH, ANSWER);
  const state = { ...EMPTY, node: `${SPACE}/t`, selected: `${SPACE}/t` };
  const input: PictureInput = { graph, state, path: null, marks: null, columns: new Map(), visible: visible(graph, state, []), ...change };
  const { drawn: shown, layout } = arrange(input, null, null);
  return picture(input, shown, layout, null);
}

test("boxes are in columns by distance, with lines between", () => {
  const found = drawn();
  assert.deepEqual(found.boxes.map((box) => Math.sign(box.x)), [0, -1, 1]);
  assert.deepEqual(found.lines.map((line) => line.kind), ["table", "table"]);
});

test("a lit column shows only the columns on its path, and tells values, rows and unknown apart", () => {
  const path = columnPath(LINEAGE, false);
  const found = drawn({ path });
  assert.deepEqual(found.boxes.map((box) => box.rows.map((row) => row.name)), [["x"], ["a", "b"], []]);
  assert.deepEqual(found.lines.map((line) => line.kind).sort(), ["direct", "indirect", "table", "unknown"]);
  assert.ok(found.lines.find((line) => line.kind === "table")!.dim);
});

test("of many columns some are shown and the rest is counted", () => {
  const id = `${SPACE}/t`;
  const columns = Array.from({ length: 45 }, (_, at) => ({ name: `c${at}`, type: null, description: null, tags: [] }));
  const state = { ...EMPTY, node: id, selected: id, columns: [id] };
  const box = drawn({ state, columns: new Map([[id, columns]]) }).boxes[0]!;
  assert.equal(box.rows.length, MOST_ROWS + 1);
  assert.equal(box.rows.at(-1)!.label, "+ 30 more columns");
  assert.equal(box.height, HEAD + (MOST_ROWS + 1) * ROW + 10);
});

test("a stub is distinguished from a dataset by what is drawn, not by its spelling", () => {
  const nodes = [card("t"), ...Array.from({ length: 60 }, (_, at) => card(`reader_${at}`))];
  const graph = merged(NO_GRAPH, { ...ANSWER, nodes, links: nodes.slice(1).map((_, at): [number, number, string] => [0, at + 1, "DBT"]) });
  const { stubs } = visible(graph, { ...EMPTY, node: `${SPACE}/t` }, []);
  assert.equal(stubs.length, 1);
  assert.equal(stubEntry(stubs, `more >${SPACE}/t`), `>${SPACE}/t`);
  assert.equal(stubEntry(stubs, "more data/t"), null);
});

test("the picture as text is well formed whatever names have in them", () => {
  const text = xml(<Scene picture={drawn()} options={{ detail: "near", now: 0 }} />);
  assert.ok(text.includes("&lt;s &amp; &quot;co&quot;&gt;"));
  const open = text.match(/<[a-z]/g)!.length;
  const closed = text.match(/<\/[a-z]/g)!.length;
  assert.equal(open, closed);
});

test("only what is in view is drawn", () => {
  const found = drawn();
  const root = found.boxes[0]!;
  const part = culled(found, root.x - 1, root.y - 1, root.x + 10, root.y + 10);
  assert.deepEqual(part.boxes.map((box) => box.card!.name), ["t"]);
});
