/** The page: its head, and what it is about. */

import type { JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import type { Source } from "../data/source.ts";
import { lastPart } from "../model/names.ts";
import { DatasetPage } from "./dataset_page.tsx";
import { Home } from "./home.tsx";
import { useKeys } from "./keys.ts";
import { Search } from "./search.tsx";
import { type Place, useAddress } from "./store.ts";
import { ThemeButton } from "./theme.tsx";
import { OneMoment } from "./time_bar.tsx";

const REFRESH_MS = 60_000;

interface AppProps {
  source: Source;
  place: Place;
}

export function App({ source, place }: AppProps): JSX.Element {
  const [state, go] = useAddress(place);
  const [again, setAgain] = useState(0);
  const retry = useCallback(() => setAgain((before) => before + 1), []);
  useRefresh(source, retry);
  useKeys(retry);
  useEffect(() => {
    document.title = state.node ? `${lastPart(state.selected || state.node)} · Headwater` : "Headwater";
  }, [state.node, state.selected]);
  const pick = (node: string, column: string): void =>
    go({
      node,
      selected: node,
      query: "",
      column: column ? { node, name: column } : null,
      opened: [],
      closed: [],
      columns: [],
      job: "",
      tab: column ? "columns" : "lineage",
    });
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => skip(event)}>
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href={place === "hash" ? "#" : location.pathname}>
          <Logo />
          Headwater
        </a>
        <Search source={source} query={state.query} onPick={pick} onAll={(query) => go({ query, node: "", selected: "" })} />
        <div class="top-right">
          {source.live ? (
            <button type="button" class="icon" aria-label="Refresh" title="Ask again (r)" onClick={retry}>
              ↻
            </button>
          ) : null}
          <ThemeButton />
        </div>
      </header>
      {state.node ? (
        <DatasetPage source={source} state={state} go={go} again={again} retry={retry} />
      ) : (
        <>
          {source.live ? null : <OneMoment moment={source.moment} />}
          <Home source={source} query={state.query} again={again} retry={retry} go={go} />
        </>
      )}
    </>
  );
}

function skip(event: MouseEvent): void {
  event.preventDefault();
  const main = document.getElementById("main");
  main?.setAttribute("tabindex", "-1");
  main?.focus();
}

function Logo(): JSX.Element {
  return (
    <svg class="logo" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <path d="M3 5C9 5 9 12 15 12H21M3 19C9 19 9 12 15 12" />
      <circle cx="3.5" cy="5" r="2.2" />
      <circle cx="3.5" cy="19" r="2.2" />
      <circle cx="20.5" cy="12" r="2.2" />
    </svg>
  );
}

/** Asks again when the reader comes back after a while. */
function useRefresh(source: Source, retry: () => void): void {
  useEffect(() => {
    if (!source.live) return;
    let left = Date.now();
    const change = (): void => {
      if (document.visibilityState === "hidden") left = Date.now();
      else if (Date.now() - left > REFRESH_MS) retry();
    };
    document.addEventListener("visibilitychange", change);
    return () => document.removeEventListener("visibilitychange", change);
  }, [source, retry]);
}
