/** Notes on the graph: what is missing in it, or not up to date. */

import type { JSX } from "preact";
import { number } from "../model/format.ts";
import type { State } from "../model/state.ts";
import { sortable } from "../model/time.ts";
import { MOST_BOXES, type Visible } from "../model/visible.ts";
import { Loading, StaleNote, Time } from "./parts.tsx";
import type { useGraph } from "./store.ts";

interface NotesProps {
  answers: ReturnType<typeof useGraph>;
  shown: Visible;
  state: State;
  retry: () => void;
  pathFailure: string;
}

export function Notes({ answers, shown, state, retry, pathFailure }: NotesProps): JSX.Element {
  const earliest = sortable(state.from || state.at, Date.now());
  return (
    <div class="notes">
      {answers.knownSince && earliest && earliest < sortable(answers.knownSince, 0) ? (
        <div class="folded" role="status">
          Older runs were pruned: all is known since <Time at={answers.knownSince} /> only.
        </div>
      ) : null}
      {answers.failure ? <StaleNote at={answers.at} failure={answers.failure} again={retry} /> : null}
      {pathFailure ? <div class="stale" role="status">{pathFailure}</div> : null}
      {shown.cut || answers.total > answers.graph.cards.size ? (
        <div class="folded" role="status">
          {number(shown.ids.length)} of {number(Math.max(answers.total, shown.ids.length))} datasets shown, nearest first
          {shown.cut ? ` (at most ${number(MOST_BOXES)})` : ""}. The tab Impact lists all downstream.
        </div>
      ) : null}
      {answers.loading ? <Loading what="more" /> : null}
    </div>
  );
}
