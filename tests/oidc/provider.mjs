// A certified OpenID provider on the loopback: `node provider.mjs PORT REDIRECT_URI…`. Whoever logs in says who they are.
import { Provider } from "oidc-provider";

const [port, ...redirectUris] = process.argv.slice(2);
const client = {
  client_id: "shodhana-tests",
  client_secret: "a-secret-of-the-tests-that-is-long-enough",
  redirect_uris: redirectUris,
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client],
  cookies: { keys: ["only-for-tests"] },
  claims: { email: ["email", "email_verified"], profile: ["name"], openid: ["sub", "shodhana_roles"] },
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  // As the standard has it, the id_token says who it is and the rest is asked of userinfo.
  conformIdTokenClaims: true,
  findAccount: (context, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: id === "steering" ? "\u001b[31mThe\n\u0007red" : `The ${id}`,
      email: id === "nameless" ? undefined : `${id}@example.org`,
      email_verified: id !== "unverified",
    }),
  }),
});

provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
