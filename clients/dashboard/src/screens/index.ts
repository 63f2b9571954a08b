import type { ComponentType } from "preact";

export interface ScreenProps {
  /** What follows the screen's own path, without slashes around: "678" of "/cases/678". */
  rest: string;
  query: URLSearchParams;
}

export interface Screen {
  /** Below /app; what follows it is the screen's `rest`. */
  path: string;
  title: string;
  /** Whoever has one of these sees it; empty: everybody who is logged in. */
  permissions: readonly string[];
  isInNavigation: boolean;
  load: () => Promise<{ default: ComponentType<ScreenProps> }>;
}

/** Every screen, in the order of the navigation; the first that a person may see is the one they begin at. */
export const SCREENS: readonly Screen[] = [
  {
    path: "/review",
    title: "Review",
    permissions: ["reviews:write"],
    isInNavigation: true,
    load: () => import("./review/screen"),
  },
  {
    path: "/queue",
    title: "Queue",
    permissions: ["reviews:read"],
    isInNavigation: true,
    load: () => import("./queue/screen"),
  },
  {
    path: "/files",
    title: "Files",
    permissions: ["transcripts:read"],
    isInNavigation: true,
    load: () => import("./files/screen"),
  },
  {
    path: "/lexicon",
    title: "Lexicon",
    permissions: ["lexicon:read"],
    isInNavigation: true,
    load: () => import("./lexicon/screen"),
  },
  {
    path: "/statistics",
    title: "Statistics",
    permissions: ["reports:read", "metrics:view", "reviews:read"],
    isInNavigation: true,
    load: () => import("./statistics/screen"),
  },
  {
    path: "/administration",
    title: "Administration",
    permissions: ["users:manage"],
    isInNavigation: true,
    load: () => import("./administration/screen"),
  },
];

/** The screen at a path, and the rest of the path. */
export function screenAt(path: string): { screen: Screen; rest: string } | null {
  const screen = SCREENS.find((known) => path === known.path || path.startsWith(`${known.path}/`));
  return screen ? { screen, rest: decodeURIComponent(path.slice(screen.path.length + 1)) } : null;
}
