/**
 * Compares crossings of lines as they are drawn: ours, Graphviz's dot and ELK's layered, on fixed graphs.
 *
 * Each line is cut into short straight pieces; two lines that share an end do not count as crossing there. JSON to stdout.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { layout, type Point } from "../src/layout/layout.ts";
import { curvePoints } from "../src/view/graph/picture.ts";
import type { Drawing } from "./graphs.ts";
import { corpus } from "./corpus.ts";

const require = createRequire(`${process.env["NODE_PATH"]}/`);

type Line = { ends: readonly [number, number]; points: Point[] };

function own({ boxes, edges }: Drawing): Line[] {
  const found = layout(boxes, edges, 0);
  return edges.map((ends, at) => {
    const [from, to] = [found.boxes[ends[0]]!, found.boxes[ends[1]]!];
    const begin = { x: from.x + from.width, y: from.y + from.height / 2 };
    const end = { x: to.x, y: to.y + to.height / 2 };
    return { ends, points: curvePoints(begin, found.ways[at]!, end, 12) };
  });
}

async function graphviz({ boxes, edges }: Drawing): Promise<Line[]> {
  const { Graphviz } = (await import(require.resolve("@hpcc-js/wasm-graphviz"))) as typeof import("@hpcc-js/wasm-graphviz");
  const engine = await Graphviz.load();
  const nodes = boxes.map((box, at) => `n${at} [shape=box fixedsize=true width=${box.width / 72} height=${box.height / 72}]`);
  const links = edges.map(([source, target], at) => `n${source} -> n${target} [id=${at} arrowhead=none headport=w tailport=e]`);
  const text = `digraph { rankdir=LR; ranksep=${96 / 72}; nodesep=${18 / 72}; ${[...nodes, ...links].join(";")} }`;
  const answer = JSON.parse(engine.layout(text, "json", "dot")) as { edges: { id: string; pos: string }[] };
  return answer.edges.map(({ id, pos }) => {
    const knots = pos.split(" ").filter((one) => /^[-\d]/.test(one)).map((one) => one.split(",").map(Number) as [number, number]);
    return { ends: edges[Number(id)]!, points: spline(knots.map(([x, y]) => ({ x, y }))) };
  });
}

/** A chain of cubic curves as short straight pieces. */
function spline(knots: readonly Point[]): Point[] {
  const points: Point[] = [knots[0]!];
  for (let at = 0; at + 3 < knots.length; at += 3) {
    const [a, b, c, d] = knots.slice(at, at + 4) as [Point, Point, Point, Point];
    for (let step = 1; step <= 12; step++) {
      const [t, u] = [step / 12, 1 - step / 12];
      const mix = (key: "x" | "y"): number => u ** 3 * a[key] + 3 * u * u * t * b[key] + 3 * u * t * t * c[key] + t ** 3 * d[key];
      points.push({ x: mix("x"), y: mix("y") });
    }
  }
  return points;
}

interface ElkEdge {
  sections: { startPoint: Point; endPoint: Point; bendPoints?: Point[] }[];
}

async function elk({ boxes, edges }: Drawing): Promise<Line[]> {
  const Elk = require("elkjs") as new () => { layout(graph: unknown): Promise<{ edges: ElkEdge[] }> };
  const answer = await new Elk().layout({
    id: "root",
    layoutOptions: { "elk.algorithm": "layered", "elk.direction": "RIGHT", "elk.edgeRouting": "POLYLINE" },
    children: boxes.map((box, at) => ({ id: `n${at}`, width: box.width, height: box.height })),
    edges: edges.map(([source, target], at) => ({ id: `e${at}`, sources: [`n${source}`], targets: [`n${target}`] })),
  });
  return answer.edges.map((edge, at) => {
    const { startPoint, endPoint, bendPoints } = edge.sections[0]!;
    return { ends: edges[at]!, points: [startPoint, ...(bendPoints ?? []), endPoint] };
  });
}

function side(a: Point, b: Point, c: Point): number {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

function meet(a: Point, b: Point, c: Point, d: Point): boolean {
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}

/** Pairs of lines that cross. */
function crossings(lines: readonly Line[]): number {
  let count = 0;
  const boxes = lines.map(({ points }) => bounds(points));
  for (let first = 0; first < lines.length; first++) {
    for (let second = first + 1; second < lines.length; second++) {
      const [a, b] = [lines[first]!, lines[second]!];
      if (a.ends.some((end) => b.ends.includes(end)) || apart(boxes[first]!, boxes[second]!)) continue;
      if (cross(a.points, b.points)) count++;
    }
  }
  return count;
}

type Bounds = readonly [number, number, number, number];

function bounds(points: readonly Point[]): Bounds {
  const [xs, ys] = [points.map((point) => point.x), points.map((point) => point.y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

function apart(a: Bounds, b: Bounds): boolean {
  return a[2] < b[0] || b[2] < a[0] || a[3] < b[1] || b[3] < a[1];
}

function cross(a: readonly Point[], b: readonly Point[]): boolean {
  for (let i = 1; i < a.length; i++) {
    for (let j = 1; j < b.length; j++) if (meet(a[i - 1]!, a[i]!, b[j - 1]!, b[j]!)) return true;
  }
  return false;
}

// Recorded answers of the demo's graph come on stdin.
const graphs = corpus(JSON.parse(readFileSync(0, "utf-8")));
const rows = [];
for (const [name, drawing] of Object.entries(graphs)) {
  rows.push({
    name,
    boxes: drawing.boxes.length,
    edges: drawing.edges.length,
    own: crossings(own(drawing)),
    graphviz: crossings(await graphviz(drawing)),
    elk: crossings(await elk(drawing)),
  });
}
process.stdout.write(JSON.stringify(rows));
