import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type LogIn, loadSession, logIn, logInUrl, logOut, type Session } from "../api/session";
import { SCREENS, type Screen, type ScreenProps, screenAt } from "../screens";
import { useStore } from "../store";
import { KeyHelp, openHelp } from "./keys";
import { LiveRegion } from "./live";
import { Link, usePlace } from "./router";
import { ThemeButton } from "./theme";

/** The page around every screen. */
export function Shell() {
  const found = useStore(logIn);
  const screens = found.state === "in" ? screensOf(found.session) : [];
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <Header login={found} screens={screens} />
      {found.state === "in" && found.ended && <Ended />}
      <main id="main" tabIndex={-1}>
        {found.state === "in" ? <Current screens={screens} /> : <Welcome state={found.state} />}
      </main>
      <KeyHelp />
      <LiveRegion />
    </>
  );
}

function screensOf(session: Session): Screen[] {
  const isOpen = (screen: Screen) =>
    screen.permissions.length === 0 || screen.permissions.some((name) => session.permissions.includes(name));
  return SCREENS.filter(isOpen);
}

function Header({ login, screens }: { login: LogIn; screens: Screen[] }) {
  const here = screenAt(usePlace().path)?.screen ?? screens[0];
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [here, screens.length]);
  return (
    <header class="top">
      <a class="name" href="/app/">
        Shodhana <span lang="sa-Deva">शोधन</span>
      </a>
      {screens.length > 0 && (
        <nav aria-label="Screens" ref={nav}>
          {screens
            .filter((screen) => screen.isInNavigation)
            .map((screen) => (
              <Link key={screen.path} to={screen.path} current={screen === here}>
                {screen.title}
              </Link>
            ))}
        </nav>
      )}
      <div class="tools">
        <ThemeButton />
        {login.state === "in" && (
          <>
            <button type="button" class="plain keys-button" aria-label="Keys" title="Keys (?)" onClick={openHelp}>
              ?
            </button>
            <Person session={login.session} />
          </>
        )}
      </div>
    </header>
  );
}

function Person({ session }: { session: Session }) {
  return (
    <details class="menu">
      <summary>{session.displayName}</summary>
      <div>
        <p>
          {session.email}
          <br />
          <span class="muted">{session.roles.join(", ") || "no role yet"}</span>
        </p>
        <button type="button" onClick={() => void logOut()}>
          Log out
        </button>
        <button type="button" onClick={() => void logOut(true)}>
          Log out everywhere
        </button>
      </div>
    </details>
  );
}

function Ended() {
  return (
    <div class="ended" role="alert">
      Your session has ended; what you typed is still here. <a href={logInUrl()}>Log in again</a>
    </div>
  );
}

function Welcome({ state }: { state: "asking" | "out" | "unreachable" }) {
  if (state === "asking") return <p class="muted">…</p>;
  return (
    <section class="welcome">
      <h1>
        Shodhana <span lang="sa-Deva">शोधन</span>
      </h1>
      <p>Lecture transcripts, with their Sanskrit restored. Where the machine is not sure, it asks you.</p>
      {state === "out" ? (
        <a class="button primary" href={logInUrl()}>
          Log in
        </a>
      ) : (
        <div class="failure" role="alert">
          <strong>The log-in service cannot be reached.</strong>
          <footer>
            <button type="button" onClick={() => void loadSession()}>
              Try again
            </button>
          </footer>
        </div>
      )}
    </section>
  );
}

function Current({ screens }: { screens: Screen[] }) {
  const { path, query } = usePlace();
  const found = path === "/" ? screens[0] && { screen: screens[0], rest: "" } : screenAt(path);
  if (!found) return path === "/" ? <NoRole /> : <Nowhere />;
  if (!screens.includes(found.screen)) return <Refused screen={found.screen} />;
  return <Loaded key={found.screen.path} screen={found.screen} rest={found.rest} query={query} />;
}

/** Loads the screen's code when it is first wanted. */
function Loaded({ screen, ...props }: { screen: Screen } & ScreenProps) {
  const [Content, setContent] = useState<ComponentType<ScreenProps> | "failed" | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${screen.title} · Shodhana`;
    screen.load().then(
      (found) => setContent(() => found.default),
      () => setContent("failed"),
    );
  }, [screen]);
  return (
    <>
      <h1 class="unseen" ref={heading}>
        {screen.title}
      </h1>
      {Content === "failed" && (
        <div class="failure" role="alert">
          <strong>This screen could not be loaded.</strong> The dashboard may have been renewed:{" "}
          <a href={location.href}>load the page again</a>.
        </div>
      )}
      {Content && Content !== "failed" && <Content {...props} />}
    </>
  );
}

function NoRole() {
  return (
    <section class="welcome">
      <h1>You have no role yet</h1>
      <p>An administrator gives roles, under “Administration”. What they give holds at once: load this page again.</p>
    </section>
  );
}

function Nowhere() {
  return (
    <section class="welcome">
      <h1>There is nothing here</h1>
      <p>
        <Link to="/">To the beginning</Link>
      </p>
    </section>
  );
}

function Refused({ screen }: { screen: Screen }) {
  return (
    <section class="welcome">
      <h1>{screen.title}</h1>
      <p>
        Your roles do not include this. It needs {screen.permissions.map((name) => `“${name}”`).join(" or ")}; an
        administrator can give a role that has it.
      </p>
    </section>
  );
}
