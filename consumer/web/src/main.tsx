/** Starts the page that the server serves. */

import { render } from "preact";
import { ApiSource } from "./data/api.ts";
import { fromQuery } from "./model/state.ts";
import { momentOf } from "./model/time.ts";
import { App } from "./view/app.tsx";

const first = document.getElementById("first")?.textContent;
const source = new ApiSource("api/v2", () => momentOf(fromQuery(location.search.slice(1))), first ? JSON.parse(first) : undefined);
const app = document.getElementById("app")!;
app.replaceChildren();
render(<App source={source} place="search" />, app);
