import { createStore } from "../store";

/** Who is logged in, as `GET /auth/session` tells. */
export interface Session {
  user: string;
  displayName: string;
  email: string;
  roles: string[];
  permissions: string[];
  csrfToken: string;
  expiresAt: string;
  /** Whether the mesh tells a collector of calls. */
  isTraced: boolean;
}

export const CSRF = "x-csrf-token";
const TRACE_ID = "x-trace-id";

export type LogIn =
  | { state: "asking" }
  | { state: "out" }
  | { state: "unreachable" }
  /** `ended`: the page stays as it is, calls are refused until the next log-in. */
  | { state: "in"; session: Session; ended: boolean };

export const logIn = createStore<LogIn>({ state: "asking" });

/** Asks who is logged in. */
export async function loadSession(): Promise<void> {
  try {
    const answer = await fetch("/auth/session");
    if (answer.ok) {
      const session = { ...(await answer.json()), isTraced: answer.headers.has(TRACE_ID) };
      logIn.set({ state: "in", session, ended: false });
    } else logIn.set({ state: answer.status === 401 ? "out" : "unreachable" });
  } catch {
    logIn.set({ state: "unreachable" });
  }
}

/** The session, also one that has ended; null before the first log-in. */
export function currentSession(): Session | null {
  return logIn.value.state === "in" ? logIn.value.session : null;
}

export function may(permission: string): boolean {
  return currentSession()?.permissions.includes(permission) ?? false;
}

/** Notes that calls are refused. */
export function sessionEnded(): void {
  if (logIn.value.state === "in") logIn.set({ ...logIn.value, ended: true });
}

/** Where the provider is, and back to this page. */
export function logInUrl(): string {
  return `/auth/login?return_to=${encodeURIComponent(location.pathname + location.search)}`;
}

export async function logOut(everywhere = false): Promise<void> {
  const headers = { [CSRF]: currentSession()?.csrfToken ?? "" };
  await fetch(everywhere ? "/auth/logout-everywhere" : "/auth/logout", { method: "POST", headers });
  await loadSession();
}
