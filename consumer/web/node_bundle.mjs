/** Bundles TypeScript for Node into a folder that is removed afterwards. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

/** Calls `use` with the paths of the bundled files, in the order of their sources. */
export async function bundled(sources, use) {
  const out = await mkdtemp(join(tmpdir(), "headwater-page-"));
  try {
    await build({
      absWorkingDir: here,
      entryPoints: sources,
      outdir: out,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      platform: "node",
      format: "esm",
      jsx: "automatic",
      jsxImportSource: "preact",
      loader: { ".css": "text" },
      logLevel: "warning",
      external: ["elkjs", "@hpcc-js/wasm-graphviz"],
    });
    return await use(sources.map((source) => join(out, basename(source).replace(/\.tsx?$/, ".mjs"))));
  } finally {
    await rm(out, { recursive: true });
  }
}
