import { createStore, useStore } from "../store";

type Theme = "system" | "light" | "dark";
const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const SIGNS: Record<Theme, string> = { system: "◐", light: "○", dark: "●" };

function stored(): Theme {
  const found = localStorage.getItem("theme");
  return found === "light" || found === "dark" ? found : "system";
}

const theme = createStore<Theme>(stored());

function choose(next: Theme): void {
  theme.set(next);
  if (next === "system") {
    localStorage.removeItem("theme");
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem("theme", next);
    document.documentElement.dataset.theme = next;
  }
}

/** Goes from the system's theme to light to dark. */
export function ThemeButton() {
  const now = useStore(theme);
  const label = `Theme: ${now}. Change to ${NEXT[now]}`;
  return (
    <button type="button" class="plain" title={label} aria-label={label} onClick={() => choose(NEXT[now])}>
      <span aria-hidden="true">{SIGNS[now]}</span>
    </button>
  );
}
