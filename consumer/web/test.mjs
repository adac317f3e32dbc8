/** Runs the tests in tests/ under Node; `node test.mjs layout` runs those of one file. */

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2);
const names = (await readdir(join(here, "tests"))).filter((name) => name.endsWith("_test.ts") || name.endsWith("_test.tsx"));
const chosen = names.filter((name) => wanted.length === 0 || wanted.some((word) => name.startsWith(word)));
if (chosen.length === 0) throw new Error(`no test begins with ${wanted.join(" or ")}; there are ${names.join(", ")}`);
const out = await mkdtemp(join(tmpdir(), "headwater-page-"));
try {
  await build({
    absWorkingDir: here,
    entryPoints: chosen.map((name) => join("tests", name)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    jsx: "automatic",
    jsxImportSource: "preact",
    loader: { ".css": "text" },
    logLevel: "warning",
    nodePaths: [join(here, "node_modules")],
  });
  const files = chosen.map((name) => join(out, name.replace(/\.tsx?$/, ".mjs")));
  process.exitCode = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" }).status ?? 1;
} finally {
  await rm(out, { recursive: true });
}
