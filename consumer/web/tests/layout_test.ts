import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import "./examples.ts";
import { acyclic } from "../src/layout/graph.ts";
import { nearestGap, spread } from "../src/layout/heights.ts";
import { extend, GAP, layout, type Layout } from "../src/layout/layout.ts";
import { crossings, order } from "../src/layout/order.ts";
import { anyDrawing, boxOf, type Drawing, project } from "./graphs.ts";

function assertNoOverlap(found: Layout, gap = 0): void {
  const columns = new Map<number, { y: number; height: number }[]>();
  for (const box of found.boxes) columns.set(box.rank, [...(columns.get(box.rank) ?? []), box]);
  for (const column of columns.values()) {
    column.sort((a, b) => a.y - b.y);
    for (let at = 1; at < column.length; at++) {
      assert.ok(column[at]!.y >= column[at - 1]!.y + column[at - 1]!.height + gap, "boxes of a column are too near");
    }
  }
  const [left, right] = [new Map<number, number>(), new Map<number, number>()];
  for (const box of found.boxes) {
    left.set(box.rank, box.x);
    right.set(box.rank, Math.max(right.get(box.rank) ?? Number.NEGATIVE_INFINITY, box.x + box.width));
  }
  for (const [rank, x] of left) if (right.has(rank - 1)) assert.ok(right.get(rank - 1)! < x, "columns overlap");
}

test("no two boxes overlap, and each is placed once", () => {
  fc.assert(
    fc.property(anyDrawing, ({ boxes, edges }) => {
      const found = layout(boxes, edges, 0);
      assert.deepEqual(found.boxes.map((box) => box.id), boxes.map((box) => box.id));
      assertNoOverlap(found, GAP);
    }),
  );
});

test("rounding to whole numbers takes nothing from a gap", () => {
  // Box 1 is wanted a fraction below a whole number, exactly one gap below box 0.
  const boxes = [30, 240, 30, 30, 30].map((height, at) => boxOf(at, height));
  assertNoOverlap(layout(boxes, [[2, 1], [3, 1], [3, 0], [1, 4], [2, 3]], 0), GAP);
});

test("every edge that closes no cycle leads to the right, and the root's column is 0", () => {
  fc.assert(
    fc.property(anyDrawing, ({ boxes, edges }) => {
      const found = layout(boxes, edges, 0);
      assert.equal(found.boxes[0]!.rank, 0);
      for (const [source, target] of acyclic(boxes.length, edges, 0)) {
        assert.ok(found.boxes[source]!.rank < found.boxes[target]!.rank);
      }
    }),
  );
});

test("lines pass between boxes, not through them", () => {
  fc.assert(
    fc.property(anyDrawing, ({ boxes, edges }) => {
      const found = layout(boxes, edges, 0);
      for (const way of found.ways) {
        for (const point of way) {
          const hit = found.boxes.filter(
            (box) => point.x >= box.x && point.x <= box.x + box.width && point.y > box.y && point.y < box.y + box.height,
          );
          assert.deepEqual(hit, []);
        }
      }
    }),
  );
});

test("the same graph gives the same places", () => {
  fc.assert(
    fc.property(anyDrawing, ({ boxes, edges }) => {
      assert.deepEqual(layout(boxes, edges, 0), layout(boxes, edges, 0));
    }),
  );
});

/** A drawing, and the same with more boxes behind it. */
function grown({ boxes, edges }: Drawing, more: number): Drawing {
  const added = Array.from({ length: more }, (_, at) => boxOf(boxes.length + at));
  const links = added.map((_, at): [number, number] => [(at * 7) % boxes.length, boxes.length + at]);
  return { boxes: [...boxes, ...added], edges: [...edges, ...links] };
}

test("what is there stays where it is when boxes are added", () => {
  fc.assert(
    fc.property(anyDrawing, fc.integer({ min: 1, max: 30 }), (drawing, more) => {
      const before = layout(drawing.boxes, drawing.edges, 0);
      const { boxes, edges } = grown(drawing, more);
      const after = extend(boxes, edges, 0, before.homes);
      before.boxes.forEach((box, at) => {
        assert.deepEqual([after.boxes[at]!.x, after.boxes[at]!.y], [box.x, box.y]);
      });
      assertNoOverlap(after);
    }),
  );
});

test("what is there stays where it is when boxes are removed", () => {
  fc.assert(
    fc.property(anyDrawing, fc.nat(39), (drawing, kept) => {
      const before = layout(drawing.boxes, drawing.edges, 0);
      const boxes = drawing.boxes.slice(0, kept + 1);
      const edges = drawing.edges.filter(([source, target]) => source <= kept && target <= kept);
      extend(boxes, edges, 0, before.homes).boxes.forEach((box, at) => {
        assert.equal(box.y, before.boxes[at]!.y);
        assert.equal(box.rank, before.boxes[at]!.rank);
      });
    }),
  );
});

test("a box that grows stays, moves only those below it in its column, and gives the room back", () => {
  fc.assert(
    fc.property(anyDrawing, fc.nat(39), (drawing, chosen) => {
      const at = chosen % drawing.boxes.length;
      const before = layout(drawing.boxes, drawing.edges, 0);
      const taller = drawing.boxes.map((box, place) => (place === at ? { ...box, height: box.height + 300 } : box));
      const after = extend(taller, drawing.edges, 0, before.homes);
      before.boxes.forEach((box, place) => {
        const moved = after.boxes[place]!.y - box.y;
        const isBelow = box.rank === before.boxes[at]!.rank && box.y > before.boxes[at]!.y;
        assert.ok(isBelow ? moved >= 0 : moved === 0);
      });
      assertNoOverlap(after);
      assert.deepEqual(
        extend(drawing.boxes, drawing.edges, 0, after.homes).boxes.map((box) => box.y),
        before.boxes.map((box) => box.y),
      );
    }),
  );
});

test("new boxes stand behind what they are made from, and before what is made from them", () => {
  const before = layout([boxOf(0), boxOf(1)], [[0, 1]], 0);
  const after = extend([0, 1, 2, 3].map((at) => boxOf(at)), [[0, 1], [1, 2], [3, 0]], 0, before.homes);
  assert.deepEqual(after.boxes.map((box) => box.rank), [0, 1, 2, -1]);
});

test("crossings are counted as they are", () => {
  const out = [[3, 4], [2], [], [], []];
  const graph = { layers: [[0, 1], [2, 3, 4]], out, into: [[], [], [1], [0], [0]] };
  assert.equal(crossings(graph), 2);
  assert.equal(order(graph), 0);
});

test("the order never has more crossings than the one it began with", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 2, max: 12 }), fc.nat(), (left, right, seed) => {
      const out: number[][] = Array.from({ length: left + right }, () => []);
      const into: number[][] = Array.from({ length: left + right }, () => []);
      for (let edge = 0; edge < left + right; edge++) {
        const [source, target] = [(edge * 7 + seed) % left, left + ((edge * 5 + seed * 3) % right)];
        if (out[source]!.includes(target)) continue;
        out[source]!.push(target);
        into[target]!.push(source);
      }
      const layers = [[...Array(left).keys()], [...Array(right).keys()].map((at) => at + left)];
      const before = crossings({ layers: layers.map((layer) => [...layer]), out, into });
      assert.ok(order({ layers, out, into }) <= before);
    }),
  );
});

test("things stand as near to their wishes as they can", () => {
  assert.deepEqual(spread([{ middle: 0, size: 10 }, { middle: 100, size: 10 }], 5), [-5, 95]);
  assert.deepEqual(spread([{ middle: 0, size: 10 }, { middle: 0, size: 10 }], 0), [-10, 0]);
  assert.equal(nearestGap([{ top: 0, size: 10 }], { middle: 5, size: 10 }, 2), -12);
});

// How long it takes is measured by `make bench WHAT=page`.
test("no two of a thousand boxes overlap", () => {
  const { boxes, edges } = project(1000, 10, 1);
  assertNoOverlap(layout(boxes, edges, 0));
});
