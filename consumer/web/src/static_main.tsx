/** Starts the page of a file that `headwater export --format html` wrote. */

import { render } from "preact";
import { StaticSource } from "./data/static/source.ts";
import type { StaticDocument } from "./data/static/graph.ts";
import { App } from "./view/app.tsx";

/** The document inside: JSON, compressed, as base64. */
async function read(text: string): Promise<StaticDocument> {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return (await new Response(stream).json()) as StaticDocument;
}

const source = new StaticSource(await read(document.getElementById("data")!.textContent!));
const app = document.getElementById("app")!;
app.replaceChildren();
render(<App source={source} place="hash" />, app);
