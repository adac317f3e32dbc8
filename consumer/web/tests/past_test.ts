import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ChangesAnswer, LineageChange, Moment } from "../src/data/types.ts";
import "./examples.ts";
import { changeWords, marksOf } from "../src/model/changes.ts";
import { EMPTY } from "../src/model/state.ts";
import { justBefore, momentOf, sortable, stopAt, stopsOf } from "../src/model/time.ts";

const NOW = Date.parse("2026-01-10T00:00:00Z");
const moment = (time: string): Moment => ({ time, changes: 1, breaking: false });
const name = (text: string) => ({ namespace: "s", name: `dev.${text}` });

function change(kind: string, dataset: string, more: Partial<LineageChange> = {}): LineageChange {
  const nothing = { column: null, source: null, source_column: null, before: null, after: null, breaking: false };
  return { ...nothing, kind, dataset: name(dataset), ...more };
}

function answer(...changes: LineageChange[]): ChangesAnswer {
  const records = changes.map((one) => ({ time: null, job: null, run: null, commit: null, dataset: null, changes: [one] }));
  return { total: changes.length, breaking: 0, records };
}

test("the later moment of a comparison is the one that is shown", () => {
  assert.equal(momentOf({ ...EMPTY, at: "a" }), "a");
  assert.equal(momentOf({ ...EMPTY, at: "a", from: "b", to: "c" }), "c");
  assert.equal(momentOf({ ...EMPTY, at: "a", from: "b" }), "");
});

test("times sort in each form that the server takes", () => {
  const ordered = ["2026-01-01", "2026-01-01T00:00:00.000001Z", "2026-01-01T02:00:01+02:00", "2026-01-01T00:00:02", "5d"];
  const texts = ordered.map((one) => sortable(one, NOW));
  assert.deepEqual([...texts].sort(), texts);
  assert.equal(new Set(texts).size, texts.length);
  assert.equal(sortable("nonsense", NOW), "");
});

test("each stop of the slider is found again by its time, and the last is the present", () => {
  const seconds = fc.uniqueArray(fc.integer({ min: 1, max: 600_000 }), { maxLength: 8 });
  fc.assert(
    fc.property(seconds, (found) => {
      const times = found.sort((a, b) => a - b).map((one) => new Date(NOW - 900_000_000 + one * 1000).toISOString());
      const stops = stopsOf(times.map(moment));
      stops.forEach((stop, at) => assert.equal(stopAt(stops, stop.time, NOW), at));
      assert.equal(stops.at(-1)!.time, "");
    }),
  );
});

test("a moment between two changes is at the stop of the earlier one", () => {
  const stops = stopsOf([moment("2026-01-02T00:00:00.000000Z"), moment("2026-01-03T00:00:00.000000Z")]);
  assert.equal(stopAt(stops, "2026-01-02T23:59:59.999999Z", NOW), 1);
  assert.equal(stopAt(stops, justBefore("2026-01-02T00:00:00Z"), NOW), 0);
  assert.equal(stopAt(stops, "2026-01-05", NOW), 2);
});

test("marks tell added, removed and changed apart", () => {
  const edge = { source: name("a"), source_column: "x", column: "y" };
  const marks = marksOf(
    answer(
      change("dataset.added", "b"),
      change("column.type_changed", "t", { column: "y", before: "int", after: "bigint" }),
      change("edge.removed", "t", { source: name("a") }),
      change("edge.added", "t", { source: name("b") }),
      change("edge.added", "u", { source: name("a") }),
      change("edge.removed", "u", { source: name("a") }),
      change("column_edge.removed", "t", edge),
      change("read.added", "a"),
    ),
  );
  assert.deepEqual(Object.fromEntries(marks.datasets), { "s/dev.b": "added", "s/dev.t": "changed" });
  assert.deepEqual(Object.fromEntries(marks.links), {
    "s/dev.a\ns/dev.t": "removed",
    "s/dev.b\ns/dev.t": "added",
    "s/dev.a\ns/dev.u": "changed",
  });
  assert.equal(marks.columns.get("s/dev.t")?.get("y"), "changed");
  assert.deepEqual(marks.lines.map((line) => [line.source, line.mark]), [["s/dev.a", "removed"]]);
});

test("a change is spelled out", () => {
  assert.equal(changeWords(change("column.type_changed", "t", { column: "y", before: "int", after: "bigint" })), "column t.y: int → bigint");
  assert.equal(changeWords(change("column_edge.added", "t", { column: "*", source: name("a"), source_column: "x" })), "column edge a.x → t.all rows");
});
