/** Runs one TypeScript file under Node: `node run.mjs tests/static_answers.ts`. */

import { spawnSync } from "node:child_process";
import { bundled } from "./node_bundle.mjs";

const [source, ...words] = process.argv.slice(2);
const options = { stdio: "inherit", env: { ...process.env, NODE_PATH: new URL("node_modules", import.meta.url).pathname } };
process.exitCode = await bundled([source], ([file]) => spawnSync(process.execPath, [file, ...words], options).status ?? 1);
