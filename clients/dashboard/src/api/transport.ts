import type { DescService } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { currentSession, loadSession, sessionEnded } from "./session";

const CSRF = "x-csrf-token";

/** Sends the session's token with each call; notices its end, and once a token that another tab has made stale. */
const withSession: Interceptor = (next) => async (request) => {
  const token = () => currentSession()?.csrfToken ?? "";
  request.header.set(CSRF, token());
  try {
    return await next(request);
  } catch (error) {
    const code = ConnectError.from(error).code;
    if (code === Code.Unauthenticated) sessionEnded();
    if (code !== Code.PermissionDenied || request.stream || !/csrf/i.test(String(error))) throw error;
    await loadSession();
    request.header.set(CSRF, token());
    return next(request);
  }
};

const transport = createGrpcWebTransport({ baseUrl: location.origin, interceptors: [withSession] });

/** A client of a service of the mesh: `clientOf(ReviewService).listCases({})`. */
export function clientOf<S extends DescService>(service: S): Client<S> {
  return createClient(service, transport);
}
