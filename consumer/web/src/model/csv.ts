/** Tables as CSV that spreadsheets open without running anything. */

const RISKY = /^[=+\-@\t\r]/;

function cell(value: string | number): string {
  const text = String(value);
  const safe = RISKY.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csv(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [headings, ...rows].map((row) => `${row.map(cell).join(",")}\n`).join("");
}
