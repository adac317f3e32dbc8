import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Card, GraphAnswer, LineageAnswer } from "../src/data/types.ts";
import "./examples.ts";
import { columnPath } from "../src/model/column_path.ts";
import { csv } from "../src/model/csv.ts";
import { matcher } from "../src/model/filter.ts";
import { duration } from "../src/model/format.ts";
import { merged, neighbours, NO_GRAPH, rootOf } from "../src/model/graph.ts";
import { datasetName, fullName, idOf, isJob, jobId, lastPart, location, runsOf } from "../src/model/names.ts";
import { CHANGES, EMPTY, fromQuery, type State, TABS, toQuery } from "../src/model/state.ts";
import { FAN, MOST_BOXES, visible } from "../src/model/visible.ts";

const SPACE = "redshift://host:5439";

function card(name: string, more: Partial<Card> = {}): Card {
  return {
    namespace: SPACE,
    name,
    node_name: name,
    kind: "dataset",
    upstream: null,
    downstream: null,
    engine: "Redshift",
    materialized: "table",
    lifecycle: null,
    owners: [],
    tags: [],
    tests: { passed: 0, failed: 0 },
    columns: 3,
    sources: 0,
    uses: 0,
    exposure: null,
    last_run: null,
    ...more,
  };
}

/** An answer of cards by name, with links between them. */
function answer(cards: Card[], links: [string, string][]): GraphAnswer {
  const at = (name: string): number => cards.findIndex((one) => one.name === name);
  return {
    root: { namespace: SPACE, name: cards[0]!.name, node_name: cards[0]!.name },
    nodes: cards,
    links: links.map(([source, target]) => [at(source), at(target), "DBT/Redshift"]),
    levels: { upstream: [], downstream: [] },
    total: cards.length,
  };
}

const id = (name: string): string => `${SPACE}/${name}`;

/** A chain a > b > c > d, and a fan of many behind b. */
function fan(many: number): GraphAnswer {
  const names = ["a", "b", "c", "d", ...Array.from({ length: many }, (_, at) => `f${String(at).padStart(3, "0")}`)];
  const uses: Record<string, number> = { a: 1, b: many + 1, c: 1 };
  const sources: Record<string, number> = { a: 2 };
  const cards = names.map((name) => card(name, { uses: uses[name] ?? 0, sources: sources[name] ?? (name === "a" ? 0 : 1) }));
  return answer(cards, [["a", "b"], ["b", "c"], ["c", "d"], ...names.slice(4).map((name): [string, string] => ["b", name])]);
}

const anyId = fc.oneof(
  fc.tuple(fc.constantFrom(SPACE, "s3://bucket", "arn:aws:glue:us-east-1:1"), fc.string({ minLength: 1 })).map((parts) => parts.join("/")),
  fc.string({ minLength: 1 }).filter((text) => !text.startsWith("./")),
);

const anyState: fc.Arbitrary<State> = fc
  .record({
    node: anyId,
    selected: anyId,
    column: fc.option(fc.record({ node: anyId, name: fc.string({ minLength: 1 }) })),
    up: fc.nat(100),
    down: fc.nat(100),
    opened: fc.array(anyId.map((one) => `<${one}`), { maxLength: 3 }),
    closed: fc.array(anyId.map((one) => `>${one}`), { maxLength: 3 }),
    columns: fc.array(anyId, { maxLength: 3 }),
    tab: fc.constantFrom(...TABS),
    change: fc.constantFrom(...CHANGES),
    direct: fc.boolean(),
    filter: fc.string(),
    query: fc.string(),
    job: fc.string(),
    at: fc.string(),
    from: fc.string(),
    to: fc.string(),
  });

test("the address keeps the whole state", () => {
  fc.assert(fc.property(anyState, (state) => assert.deepEqual(fromQuery(toQuery(state)), structuredClone(state))));
});

test("the address of an empty state is empty, and nonsense in it is passed over", () => {
  assert.equal(toQuery(EMPTY), "");
  const state = fromQuery("node=a&up=nonsense&down=-3&tab=x&change=y&open=z&fold=");
  assert.deepEqual([state.up, state.down, state.tab, state.change, state.opened, state.closed], [1, 0, "lineage", "drop", [], []]);
});

test("datasets of the root's namespace go by short names", () => {
  const state = { ...EMPTY, node: id("a"), selected: id("b"), opened: [`<${id("c")}`] };
  assert.equal(toQuery(state).match(/redshift/g)?.length, 1);
});

test("levels show neighbours, and each dataset knows what is hidden", () => {
  const graph = merged(NO_GRAPH, fan(0));
  const shown = visible(graph, { ...EMPTY, node: id("b"), up: 1, down: 1 }, []);
  assert.deepEqual(shown.ids.map(lastPart), ["b", "a", "c"]);
  assert.deepEqual(shown.hidden.get(id("c")), { "<": 0, ">": 1 });
  assert.deepEqual(shown.hidden.get(id("a")), { "<": 2, ">": 0 });
});

test("of many neighbours some are shown and the rest is counted", () => {
  const graph = merged(NO_GRAPH, fan(238));
  const state = { ...EMPTY, node: id("b") };
  const shown = visible(graph, state, []);
  assert.equal(shown.ids.length, 1 + 1 + FAN);
  assert.deepEqual(shown.stubs, [{ of: id("b"), direction: ">", count: 239 - FAN }]);
  assert.equal(visible(graph, { ...state, opened: [`>${id("b")}`] }, []).ids.length, 1 + 1 + 239);
});

test("opening shows neighbours beyond the levels, folding hides them", () => {
  const graph = merged(NO_GRAPH, fan(0));
  const state = { ...EMPTY, node: id("b"), opened: [`>${id("c")}`] };
  assert.deepEqual(visible(graph, state, []).ids.map(lastPart), ["b", "a", "c", "d"]);
  assert.deepEqual(visible(graph, { ...state, closed: [`>${id("b")}`] }, []).ids.map(lastPart), ["b", "a"]);
});

test("the path of a column is shown whatever the levels are", () => {
  const graph = merged(NO_GRAPH, fan(0));
  const shown = visible(graph, { ...EMPTY, node: id("a"), up: 0, down: 0 }, [id("c"), id("d")]);
  assert.deepEqual(shown.ids.map(lastPart), ["a", "c", "d"]);
});

test("no more boxes are shown than are drawn well", () => {
  const names = Array.from({ length: MOST_BOXES + 500 }, (_, at) => `n${at}`);
  const chain = names.slice(1).map((name, at): [string, string] => [names[Math.floor(at / 2)]!, name]);
  const graph = merged(NO_GRAPH, answer(names.map((name) => card(name)), chain));
  const shown = visible(graph, { ...EMPTY, node: id("n0"), down: 100 }, []);
  assert.equal(shown.ids.length, MOST_BOXES);
  assert.ok(shown.cut);
});

test("failures are shown first among many neighbours", () => {
  const data = fan(100);
  data.nodes.at(-1)!.tests.failed = 1;
  const graph = merged(NO_GRAPH, data);
  assert.equal(neighbours(graph, id("b"), ">")[0], id("f099"));
});

test("an answer without runs leaves the runs that are known", () => {
  const run = { state: "FAIL", started_at: null, ended_at: null, skipped: null };
  const known = merged(NO_GRAPH, answer([card("a", { last_run: run })], []));
  assert.deepEqual(merged(known, answer([card("a")], [])).cards.get(id("a"))!.last_run, run);
});

function lineage(edges: [string, string, string, string, string][]): LineageAnswer {
  return {
    root: { namespace: SPACE, name: "t", node_name: "t", column: "x" },
    nodes: [],
    edges: edges.map(([source, from, target, to, kind]) => ({
      source: [SPACE, source, from],
      target: [SPACE, target, to],
      job: ["dbt", "j"],
      transformations: [kind],
    })),
    unknown: { nodes: [], edges: [] },
  };
}

test("a path tells values from what decides rows", () => {
  const found = columnPath(lineage([["s", "a", "t", "x", "DIRECT/IDENTITY"], ["s", "b", "t", "*", "INDIRECT/FILTER"]]), false);
  assert.deepEqual(found.steps.map((step) => step.direct), [true, false]);
  assert.deepEqual(found.columns.get(id("s")), ["a", "b"]);
});

test("only values follows values alone, from the root", () => {
  const edges: [string, string, string, string, string][] = [
    ["r", "a", "s", "a", "DIRECT/IDENTITY"],
    ["s", "a", "t", "x", "DIRECT/IDENTITY"],
    ["s", "b", "t", "*", "INDIRECT/FILTER"],
    ["r", "b", "s", "b", "DIRECT/IDENTITY"],
  ];
  const found = columnPath(lineage(edges), true);
  assert.deepEqual(found.steps.map((step) => `${lastPart(step.source)}.${step.sourceColumn}`), ["r.a", "s.a"]);
});

test("names are cut as people read them", () => {
  assert.equal(lastPart("table/imdb/title_crew"), "title_crew");
  assert.equal(location("table/imdb/title_crew"), "imdb");
  assert.equal(location("dev.imdb.titles"), "dev.imdb");
  assert.equal(idOf({ namespace: SPACE, name: "a" }), id("a"));
});

test("CSV quotes what needs it, and no cell is a formula", () => {
  assert.equal(csv(["a", "b"], [["x,y", "=1+1"], ['say "no"', 2]]), 'a,b\n"x,y",\'=1+1\n"say ""no""",2\n');
});

test("a filter matches names, owners, tags, engines and states", () => {
  const one = card("orders", { owners: ["finance"], tags: ["pii"], tests: { passed: 1, failed: 1 } });
  for (const text of ["ord", "owner:fin", "tag:pii engine:redshift", "state:failed"]) assert.ok(matcher(text)!(one), text);
  for (const text of ["owner:sales", "engine:athena", "tag:pii names"]) assert.ok(!matcher(text)!(one), text);
  assert.equal(matcher("  "), null);
});

test("durations are short", () => {
  assert.deepEqual([0.25, 2.34, 42.4, 200, 7300].map(duration), ["250 ms", "2.3 s", "42 s", "3 min", "2 h 2 min"]);
});

const PREFIXED = fc
  .tuple(fc.array(fc.constantFrom("job:", "dataset:"), { maxLength: 3 }), fc.constantFrom("dbt", "s3://b", ""), fc.constantFrom("n", "a/b"))
  .map(([prefixes, namespace, name]) => ({ namespace: prefixes.join("") + namespace, name }));

test("no dataset is taken for a job, and no two nodes have one id", () => {
  fc.assert(
    fc.property(PREFIXED, PREFIXED, (one, other) => {
      assert.equal(isJob(idOf(one)), false);
      assert.equal(idOf({ ...one, kind: "dataset" }), idOf(one));
      assert.equal(datasetName(idOf(one)), fullName(one));
      assert.equal(runsOf(idOf(one)), fullName(one));
      assert.equal(idOf(one) === idOf(other), fullName(one) === fullName(other));
      const job = { namespace: jobId(other.namespace), name: other.name, kind: "job" };
      assert.equal(isJob(idOf(job)), true);
      assert.notEqual(idOf(one), idOf(job));
      assert.equal(runsOf(idOf(job)), fullName(other));
    }),
  );
});

test("a job and a dataset of the same spelling are two nodes of a graph", () => {
  const job = card("made", { namespace: "job:dbt", kind: "job" });
  const dataset = card("made", { namespace: "job:dbt" });
  const around: GraphAnswer = {
    root: { namespace: "job:dbt", name: "made", node_name: "made" },
    nodes: [job, dataset],
    links: [[0, 1, ""]],
    levels: { upstream: [], downstream: [1] },
    total: 2,
  };
  const graph = merged(NO_GRAPH, around);
  assert.deepEqual([...graph.cards.keys()], ["job:dbt/made", "dataset:job:dbt/made"]);
  assert.deepEqual(neighbours(graph, "job:dbt/made", ">"), ["dataset:job:dbt/made"]);
  assert.equal(rootOf(around), "job:dbt/made");
  assert.equal(rootOf({ ...around, nodes: [dataset, job] }), "dataset:job:dbt/made");
  assert.equal(fromQuery(toQuery({ ...EMPTY, node: "dataset:job:dbt/made" })).node, "dataset:job:dbt/made");
});
