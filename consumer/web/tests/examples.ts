/**
 * How many examples a property takes, and which: the same under CI, as Hypothesis does there; others on each run elsewhere.
 * `EXAMPLES=50 node test.mjs` takes fifty times as many.
 */

import fc from "fast-check";

fc.configureGlobal({
  numRuns: 100 * Number(process.env.EXAMPLES ?? 1),
  ...(process.env.CI === "true" && process.env.EXAMPLES === undefined ? { seed: 0 } : {}),
});
