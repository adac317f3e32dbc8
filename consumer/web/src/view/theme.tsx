/** Dark, light, or what the system says. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

const KEY = "headwater-theme";
const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const SIGNS: Record<Theme, string> = { system: "◐", light: "☀", dark: "☾" };

function stored(): Theme {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? "system";
  } catch {
    return "system"; // storage may be switched off, above all for files
  }
}

export function ThemeButton(): JSX.Element {
  const [theme, setTheme] = useState<Theme>(stored);
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // It then holds for this page alone.
    }
  }, [theme]);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
  return (
    <button type="button" class="icon" aria-label={`Theme: ${theme}; switch to ${next}`} title={`Theme: ${theme}`} onClick={() => setTheme(next)}>
      {SIGNS[theme]}
    </button>
  );
}
