import type { ComponentChildren } from "preact";
import { createStore, useStore } from "../store";

export const BASE = "/app";

export interface Place {
  /** Below BASE: "/review". */
  path: string;
  query: URLSearchParams;
}

function here(): Place {
  const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : "/";
  return {
    path: path === "/" || path === "" ? "/" : path.replace(/\/$/, ""),
    query: new URLSearchParams(location.search),
  };
}

const place = createStore(here());
addEventListener("popstate", () => place.set(here()));

export const usePlace = (): Place => useStore(place);

/** Goes to a path below BASE, "/queue?state=pending"; `replace` leaves no step back. */
export function go(to: string, replace = false): void {
  history[replace ? "replaceState" : "pushState"](null, "", BASE + to);
  place.set(here());
}

/** Changes parts of the query of this place; empty values are left out. */
export function setQuery(changes: Record<string, string>): void {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  go(place.value.path + (text ? `?${text}` : ""), true);
}

interface LinkProps {
  to: string;
  class?: string;
  current?: boolean;
  children: ComponentChildren;
}

/** A link to a screen; with a modifier key the browser does what it always does. */
export function Link({ to, current, children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={BASE + to} onClick={follow} aria-current={current ? "page" : undefined} {...rest}>
      {children}
    </a>
  );
}
