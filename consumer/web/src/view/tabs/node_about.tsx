/** What is known of a node that is no dataset: an exposure, or a job. */

import type { JSX } from "preact";
import type { Card } from "../../data/types.ts";
import { number } from "../../model/format.ts";
import { jobName } from "../../model/names.ts";

export function ExposureAbout({ name, card }: { name: string; card: Card }): JSX.Element {
  const url = card.exposure?.url;
  return (
    <dl class="fields">
      <dt>Exposure</dt>
      <dd class="code">{name}</dd>
      <dt>Type</dt>
      <dd>{card.exposure?.type ?? "unknown"}</dd>
      <dt>Owner</dt>
      <dd>{card.exposure?.owner ?? "unknown"}</dd>
      {url && /^https?:\/\//i.test(url) ? (
        <>
          <dt>Address</dt>
          <dd>
            <a href={url} rel="noreferrer">
              {url}
            </a>
          </dd>
        </>
      ) : null}
    </dl>
  );
}

export function JobAbout({ card }: { card: Card }): JSX.Element {
  return (
    <dl class="fields">
      <dt>Job</dt>
      <dd class="code">{card.name}</dd>
      <dt>Namespace</dt>
      <dd class="code">{jobName(card.namespace)}</dd>
      <dt>Integration</dt>
      <dd>{card.materialized ?? "unknown"}</dd>
      <dt>Inputs</dt>
      <dd>{number(card.sources)}</dd>
      <dt>Outputs</dt>
      <dd>{number(card.uses)}</dd>
    </dl>
  );
}
