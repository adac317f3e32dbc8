/** Order of texts by their characters, as Python compares them. */

export function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
