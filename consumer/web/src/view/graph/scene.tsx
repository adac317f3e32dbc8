/**
 * The picture: boxes and lines from places, without state and events, so that the screen, SVG and PNG show the same.
 *
 * Handlers find out what was clicked by `data-` attributes.
 */

import type { ComponentChildren, JSX } from "preact";
import type { Card } from "../../data/types.ts";
import { type Mark, SIGNS } from "../../model/changes.ts";
import { ago, counted, number, utcTime } from "../../model/format.ts";
import { engineName, location } from "../../model/names.ts";
import type { Detail, Picture, PictureBox, PictureLine } from "./picture.ts";
import { HEAD, ROW } from "./picture.ts";
import { fit, widthOf } from "./text_fit.ts";

export interface SceneOptions {
  detail: Detail;
  now: number;
}

export function Scene({ picture, options }: { picture: Picture; options: SceneOptions }): JSX.Element {
  return (
    <g class={picture.lit ? "scene lit" : "scene"}>
      <g class="lines">
        {picture.lines.map((line) => (
          <Line key={line.key} line={line} />
        ))}
      </g>
      <g class="boxes">
        {picture.boxes.map((box) => (
          <BoxGroup key={box.id} box={box} options={options} />
        ))}
      </g>
    </g>
  );
}

function Line({ line }: { line: PictureLine }): JSX.Element {
  return (
    <path class={`line ${line.kind}${line.dim ? " dim" : ""}${line.mark ? ` ${line.mark}` : ""}`} d={line.path} data-line={line.key}>
      {line.title ? <title>{line.title}</title> : null}
    </path>
  );
}

function BoxGroup({ box, options }: { box: PictureBox; options: SceneOptions }): JSX.Element {
  const classes = ["box", box.kind, engineClass(box.card)];
  if (box.selected) classes.push("selected");
  if (box.isRoot) classes.push("root");
  if (box.dim) classes.push("dim");
  if (box.mark) classes.push(box.mark);
  return (
    <g class={classes.join(" ")} transform={`translate(${box.x} ${box.y})`} data-node={box.id}>
      {box.kind === "stub" ? <Stub box={box} /> : <CardBox box={box} card={box.card!} options={options} />}
    </g>
  );
}

function Stub({ box }: { box: PictureBox }): JSX.Element {
  return (
    <>
      <rect class="frame" width={box.width} height={box.height} rx={box.height / 2} />
      <text class="more" x={box.width / 2} y={box.height / 2 + 4} text-anchor="middle">
        {`+ ${number(box.count)} more`}
      </text>
    </>
  );
}

function CardBox({ box, card, options }: { box: PictureBox; card: Card; options: SceneOptions }): JSX.Element {
  const far = options.detail === "far";
  return (
    <>
      <title>{`${box.mark ? `${box.mark}\n` : ""}${hint(card, options.now)}`}</title>
      <rect class="frame" width={box.width} height={box.height} rx={card.kind === "exposure" ? 27 : card.kind === "job" ? 0 : 9} />
      {card.kind !== "dataset" ? null : <path class="band" d={band(box.height)} />}
      {far ? <FarLabel box={box} card={card} /> : <Head box={box} card={card} />}
      {far ? null : <Rows box={box} />}
      {far ? null : <Handles box={box} />}
      {box.mark ? <Badge mark={box.mark} /> : null}
    </>
  );
}

/** What a comparison found, by colour and by sign. */
function Badge({ mark }: { mark: Mark }): JSX.Element {
  return (
    <g class="badge" transform="translate(14 -1)">
      <rect x={-9} y={-9} width={18} height={18} rx={9} />
      <text y={4.5} text-anchor="middle">
        {SIGNS[mark]}
      </text>
    </g>
  );
}

function band(height: number): string {
  return `M8.5 0.5A8 8 0 0 0 0.5 8.5V${height - 8.5}A8 8 0 0 0 8.5 ${height - 0.5}C6 ${height - 2.5} 5.5 ${height - 5} 5.5 ${height - 9}V9C5.5 5 6 2.5 8.5 0.5Z`;
}

/** From afar only names can be read, and only large. */
function FarLabel({ box, card }: { box: PictureBox; card: Card }): JSX.Element {
  return (
    <text class="far-name" x={18} y={HEAD / 2 + 8}>
      {fit(card.node_name, "600 22px", box.width - 30)}
    </text>
  );
}

function Head({ box, card }: { box: PictureBox; card: Card }): JSX.Element {
  const left = card.kind === "exposure" ? 44 : 20;
  return (
    <>
      {card.kind === "exposure" ? <Icon kind={card.exposure?.type ?? "exposure"} /> : null}
      <text class="name" x={left} y={23}>
        {fit(card.node_name, "600 13px", box.width - left - (statusOf(card) ? 34 : 14))}
      </text>
      <text class="about" x={left} y={41}>
        {subtitle(card, box.width - left - (card.tests.passed + card.tests.failed > 0 ? 48 : 14))}
      </text>
      <Status card={card} x={box.width - 18} />
      <Tests card={card} x={box.width - 11} />
    </>
  );
}

function subtitle(card: Card, width: number): JSX.Element {
  if (card.kind === "exposure") {
    const about = [card.exposure?.type, card.exposure?.owner].filter(Boolean).join(" · ");
    return <tspan>{fit(about || "exposure", "11px", width)}</tspan>;
  }
  const where = [card.materialized, location(card.name)].filter(Boolean).join(" · ");
  const room = width - widthOf(engineName(card.engine), "600 11px") - 6;
  return (
    <>
      <tspan class="engine">{engineName(card.engine)}</tspan>
      {where && room > 20 ? <tspan dx={6}>{fit(where, "11px", room)}</tspan> : null}
    </>
  );
}

/** A dashboard, notebook or other use, as a small drawing. */
function Icon({ kind }: { kind: string }): JSX.Element {
  const drawings: Record<string, string> = {
    dashboard: "M18 34V26M24 34V20M30 34V29",
    notebook: "M18 19H31V36H18ZM22 19V36",
    ml: "M18 34L24 22L31 34Z",
    analysis: "M18 34L23 27L27 30L32 20",
  };
  return <path class="icon" d={drawings[kind] ?? "M18 22H32M18 28H32M18 34H27"} />;
}

/** The state of the last run, by colour and by form. */
function Status({ card, x }: { card: Card; x: number }): JSX.Element | null {
  const kind = statusOf(card);
  if (!kind) return null;
  const marks: Record<string, ComponentChildren> = {
    complete: <path class="mark" d="M-3.4 0.2L-1 2.6L3.4 -2.4" />,
    fail: <path class="mark" d="M-2.6 -2.6L2.6 2.6M2.6 -2.6L-2.6 2.6" />,
    abort: <path class="mark" d="M-3 0H3" />,
    running: <path class="mark" d="M0 -3V0L2.2 1.6" />,
    dropped: <path class="mark" d="M-2.6 -2.6L2.6 2.6" />,
  };
  return (
    <g class={`status ${kind}`} transform={`translate(${x} 18)`}>
      <circle r={7} />
      {marks[kind]}
    </g>
  );
}

export function statusOf(card: Card): string {
  if (card.lifecycle === "DROP") return "dropped";
  const state = card.last_run?.state;
  if (!card.last_run) return "";
  const kinds: Record<string, string> = { COMPLETE: "complete", FAIL: "fail", ABORT: "abort" };
  return kinds[state ?? ""] ?? "running";
}

function Tests({ card, x }: { card: Card; x: number }): JSX.Element | null {
  const { passed, failed } = card.tests;
  if (passed + failed === 0) return null;
  return (
    <text class={failed > 0 ? "tests failed" : "tests"} x={x} y={41} text-anchor="end">
      {failed > 0 ? `${failed} ✗` : `${passed} ✓`}
    </text>
  );
}

function Rows({ box }: { box: PictureBox }): JSX.Element {
  return (
    <>
      {box.rows.length > 0 ? <path class="rule" d={`M0.5 ${HEAD}H${box.width - 0.5}`} /> : null}
      {box.rows.map((row, at) => (
        <g key={row.name} class={`row ${row.kind}${row.mark ? ` ${row.mark}` : ""}`} transform={`translate(0 ${HEAD + 5 + at * ROW})`} data-column={row.name}>
          <rect class="row-back" x={9} y={1} width={box.width - 14} height={ROW - 2} rx={4} />
          <text class="row-name" x={20} y={15}>
            {fit(row.mark ? `${SIGNS[row.mark]} ${row.label}` : row.label, row.kind.startsWith("lit") ? "600 12px" : "12px", box.width - 34 - (row.type ? 88 : 0))}
          </text>
          {row.type ? (
            <text class="row-type" x={box.width - 12} y={15} text-anchor="end">
              {fit(row.type, "10.5px", 80)}
            </text>
          ) : null}
        </g>
      ))}
    </>
  );
}

function Handles({ box }: { box: PictureBox }): JSX.Element {
  return (
    <>
      {(["<", ">"] as const).map((direction) => {
        const hidden = box.hidden[direction];
        const label = hidden > 0 ? `+${hidden > 9999 ? "…" : hidden}` : box.folds[direction] ? "−" : "";
        if (!label) return null;
        const width = Math.max(18, 8 + label.length * 6.4);
        const x = direction === "<" ? -width / 2 : box.width - width / 2;
        const side = direction === "<" ? "upstream" : "downstream";
        return (
          <g key={direction} class={hidden > 0 ? "handle" : "handle fold"} data-handle={direction} transform={`translate(${x} ${HEAD / 2 - 9})`}>
            <title>{hidden > 0 ? `Show ${number(hidden)} more ${side}` : `Hide what is ${side}`}</title>
            <rect width={width} height={18} rx={9} />
            <text x={width / 2} y={13} text-anchor="middle">
              {label}
            </text>
          </g>
        );
      })}
    </>
  );
}

export function engineClass(card: Card | null): string {
  if (!card) return "engine-other";
  const name = card.engine.toLowerCase();
  const files = new Set(["file", "s3", "s3a", "gs", "abfss", "hdfs"]);
  if (files.has(name)) return "engine-files";
  const known = ["athena", "redshift", "duckdb"];
  return known.includes(name) ? `engine-${name}` : "engine-other";
}

function hint(card: Card, now: number): string {
  const lines = [`${card.namespace}/${card.name}`];
  if (card.last_run?.state) {
    const at = card.last_run.ended_at ?? card.last_run.started_at;
    lines.push(`last run: ${card.last_run.skipped ? "SKIPPED" : card.last_run.state}${at ? `, ${ago(at, now)} (${utcTime(at)})` : ""}`);
  }
  if (card.tests.passed + card.tests.failed > 0) {
    lines.push(`tests: ${card.tests.passed} passed, ${card.tests.failed} failed`);
  }
  if (card.kind === "dataset") lines.push(card.columns === null ? "columns unknown" : counted(card.columns, "column"));
  if (card.owners.length > 0) lines.push(`owned by ${card.owners.join(", ")}`);
  return lines.join("\n");
}
