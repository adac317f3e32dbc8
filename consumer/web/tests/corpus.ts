/** The fixed graphs on which crossings are compared. */

import type { GraphAnswer } from "../src/data/types.ts";
import { boxOf, type Drawing, project } from "./graphs.ts";

function ofAnswer(answer: GraphAnswer): Drawing {
  return { boxes: answer.nodes.map((_, at) => boxOf(at)), edges: answer.links.map(([source, target]) => [source, target]) };
}

export function corpus(demo: GraphAnswer): Record<string, Drawing> {
  const graphs: Record<string, Drawing> = { demo: ofAnswer(demo) };
  for (const [count, layers, reads] of [[30, 5, 1.35], [60, 6, 1.35], [100, 6, 1.35], [100, 10, 1.6], [200, 8, 1.35], [300, 10, 1.2]] as const) {
    for (const seed of [1, 2, 3]) graphs[`project ${count}/${layers}/${reads}, ${seed}`] = project(count, layers, seed, reads);
  }
  return graphs;
}
