/** Keys of the page. */

import { useLayoutEffect, useRef } from "preact/hooks";
import type { CanvasActions } from "./graph/canvas.tsx";

/** True where a key means a letter. */
function isTyping(target: HTMLElement): boolean {
  return target instanceof HTMLInputElement ? target.type !== "checkbox" : /^(SELECT|TEXTAREA)$/.test(target.tagName);
}

export function useKeys(retry: () => void): void {
  // Before the first picture: a key that is pressed early counts.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target as HTMLElement)) return;
      if (event.key === "/") {
        event.preventDefault();
        document.getElementById("search")?.focus();
      } else if (event.key === "r") retry();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [retry]);
}

export function useCanvasKeys(actions: { current: CanvasActions | null }, tidy: () => void, clear: () => void): void {
  const latest = useRef({ tidy, clear });
  latest.current = { tidy, clear };
  // Before the first picture: a key that is pressed early counts.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target as HTMLElement)) return;
      const keys: Record<string, () => void> = {
        "+": () => actions.current?.zoom(1.3),
        "=": () => actions.current?.zoom(1.3),
        "-": () => actions.current?.zoom(1 / 1.3),
        "0": () => actions.current?.fit(),
        t: () => latest.current.tidy(),
        Escape: () => latest.current.clear(),
      };
      keys[event.key]?.();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [actions]);
}
