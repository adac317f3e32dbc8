/** Builds the page into dist/: the same bytes from the same sources, which a test checks. */

import { createHash } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "dist");

export const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  write: false,
  target: ["chrome123", "firefox121", "safari17.5"],
  legalComments: "none",
  logLevel: "warning",
};

/** One script or style sheet as text. */
async function bundle(entry, options) {
  const result = await build({ ...common, ...options, entryPoints: [entry] });
  return result.outputFiles[0].text;
}

const script = { format: "esm", jsx: "automatic", jsxImportSource: "preact", loader: { ".css": "text" } };

const files = {
  "page.js": await bundle("src/main.tsx", script),
  "static.js": await bundle("src/static_main.tsx", script),
  "page.css": await bundle("src/style.css", {}),
};

await mkdir(out, { recursive: true });
for (const name of await readdir(out)) await rm(join(out, name));
const manifest = {};
for (const [name, text] of Object.entries(files)) {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 12);
  const hashed = name.replace(".", `-${hash}.`);
  // The file that `headwater export` writes holds its script; nobody asks for it by name.
  manifest[name] = hashed;
  await writeFile(join(out, hashed), text);
  console.log(`${hashed} ${text.length} bytes, ${gzipSync(text, { level: 9 }).length} gzipped`);
}
await writeFile(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
