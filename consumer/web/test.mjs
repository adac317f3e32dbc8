/** Runs the tests in tests/ under Node; `node test.mjs layout` runs those of one file. */

import { spawnSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundled } from "./node_bundle.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2);
const names = (await readdir(join(here, "tests"))).filter((name) => /_test\.tsx?$/.test(name));
const chosen = names.filter((name) => wanted.length === 0 || wanted.some((word) => name.startsWith(word)));
if (chosen.length === 0) throw new Error(`no test begins with ${wanted.join(" or ")}; there are ${names.join(", ")}`);

process.exitCode = await bundled(
  chosen.map((name) => join("tests", name)),
  (files) => spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit", cwd: here }).status ?? 1,
);
