/** Starts the page that the server serves. */

import { render } from "preact";
import { ApiSource } from "./data/api.ts";
import { fromQuery } from "./model/state.ts";
import { App } from "./view/app.tsx";

const first = document.getElementById("first")?.textContent;
const source = new ApiSource("api/v2", () => fromQuery(location.search.slice(1)).at, first ? JSON.parse(first) : undefined);
const app = document.getElementById("app")!;
app.replaceChildren();
render(<App source={source} place="search" />, app);
