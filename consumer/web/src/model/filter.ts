/** Words that pick datasets of the picture: parts of names, and filters such as `owner:finance`. */

import type { Card } from "../data/types.ts";

export function matcher(text: string): ((card: Card) => boolean) | null {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return null;
  return (card) => words.every((word) => matches(card, word));
}

function matches(card: Card, word: string): boolean {
  const [key, ...rest] = word.split(":");
  const value = rest.join(":");
  const fields: Record<string, readonly string[]> = {
    owner: card.owners,
    tag: card.tags,
    engine: [card.engine],
    kind: [card.materialized ?? card.kind],
    state: states(card),
  };
  const texts = value && key ? fields[key] : undefined;
  if (texts) return texts.some((one) => one.toLowerCase().includes(value));
  return `${card.namespace}/${card.name}`.toLowerCase().includes(word);
}

function states(card: Card): string[] {
  const found = [(card.last_run?.state ?? "none").toLowerCase()];
  if (card.tests.failed > 0 || found[0] === "fail" || found[0] === "abort") found.push("failed");
  return found;
}
