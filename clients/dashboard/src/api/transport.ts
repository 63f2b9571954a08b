import type { DescService } from "@bufbuild/protobuf";
import { CallError, Code } from "../wire/call_error";
import { type Client, createClient } from "../wire/client";
import type { Outgoing } from "../wire/grpc_web";
import { CSRF, currentSession, loadSession, sessionEnded } from "./session";
import { traced } from "./traces";

/** Sends the session's token with each call; notices its end, and once a token that another tab has made stale. */
async function* withSession(outgoing: Outgoing): AsyncGenerator<unknown> {
  const send = () => traced({ ...outgoing, headers: { [CSRF]: currentSession()?.csrfToken ?? "" } });
  try {
    yield* send();
  } catch (error) {
    const { code, message } = CallError.from(error);
    if (code === Code.Unauthenticated) sessionEnded();
    if (code !== Code.PermissionDenied || outgoing.isStream || !/csrf/i.test(message)) throw error;
    await loadSession();
    yield* send();
  }
}

/** A client of a service of the mesh: `clientOf(ReviewService).listCases({})`. */
export function clientOf<S extends DescService>(service: S): Client<S> {
  return createClient(service, withSession);
}
