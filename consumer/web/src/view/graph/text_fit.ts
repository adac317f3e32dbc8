/** Texts that fit: measured where there is a screen, estimated elsewhere. */

const FAMILY = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const widths = new Map<string, number>();
let context: OffscreenCanvasRenderingContext2D | null | undefined;

function widthOf(text: string, font: string): number {
  const key = `${font}\n${text}`;
  const known = widths.get(key);
  if (known !== undefined) return known;
  if (context === undefined) {
    context = typeof OffscreenCanvas === "undefined" ? null : new OffscreenCanvas(1, 1).getContext("2d");
  }
  const size = Number.parseFloat(/(\d+(\.\d+)?)px/.exec(font)?.[1] ?? "12");
  let width = text.length * size * 0.56;
  if (context) {
    context.font = `${font} ${FAMILY}`;
    width = context.measureText(text).width;
  }
  if (widths.size > 20_000) widths.clear();
  widths.set(key, width);
  return width;
}

/** A text shortened in its middle, where names differ least, to a width. */
export function fit(text: string, font: string, width: number): string {
  if (widthOf(text, font) <= width) return text;
  let [low, high] = [1, text.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (widthOf(cut(text, middle), font) <= width) low = middle;
    else high = middle - 1;
  }
  return cut(text, low);
}

function cut(text: string, kept: number): string {
  const tail = Math.floor(kept / 2);
  return `${text.slice(0, kept - tail)}…${tail > 0 ? text.slice(-tail) : ""}`;
}

export { widthOf };
