/**
 * A real OpenID Connect provider (npm `oidc-provider`) on loopback, as a process of its own: `node oidc-provider.ts`.
 * Prints its port. Whoever comes is signed in as one person, of whom `POST /person` sets the groups and methods, and
 * how the ID token is spoilt after the provider has made it.
 */
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import Provider from "oidc-provider";

/** What a test sets; the names are those of the claims. */
export interface Person {
  readonly groups?: readonly string[];
  readonly amr?: readonly string[];
  readonly acr?: string;
  /** Claims of the ID token that are replaced; it is signed again. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Signs with a key that the provider does not publish. */
  readonly foreignKey?: boolean;
  /** The account is gone: the provider answers no question about it. */
  readonly gone?: boolean;
}

const REDIRECT = process.argv[2] ?? "";
let person: Person = {};

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const { privateKey: foreign } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwk = { ...privateKey.export({ format: "jwk" }), kid: "test", use: "sig", alg: "ES256" };

function signed(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "ES256", kid: "test", typ: "JWT" })}.${part(claims)}`;
  const key = { key: person.foreignKey ? foreign : privateKey, dsaEncoding: "ieee-p1363" as const };
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
}

const server = createServer();
await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "centre",
      client_secret: "a-secret-of-the-test",
      redirect_uris: [REDIRECT],
      id_token_signed_response_alg: "ES256",
    },
  ],
  jwks: { keys: [jwk as never] },
  cookies: { keys: ["a-key-of-the-test"] },
  claims: { openid: ["sub"], email: ["email"], groups: ["groups"], profile: ["preferred_username"] },
  features: { devInteractions: { enabled: false } },
  ttl: { IdToken: 600, AccessToken: 3600, Session: 3600, Interaction: 600, Grant: 3600 },
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  acrValues: ["gold", "silver"],
  findAccount: (_, sub) =>
    person.gone
      ? undefined
      : {
          accountId: sub,
          claims: () => ({ sub, email: "ada@example.test", groups: [...(person.groups ?? [])] }),
        },
});

provider.use(async (context, next) => {
  await next();
  const body = context.body as { id_token?: string } | undefined;
  if (context.path !== "/token" || body?.id_token === undefined) return;
  const own = JSON.parse(Buffer.from(body.id_token.split(".")[1] ?? "", "base64url").toString()) as object;
  const { amr, acr, claims } = person;
  body.id_token = signed({ ...own, ...(amr && { amr }), ...(acr && { acr }), ...claims });
});

const answer = provider.callback();
server.on("request", async (request, response) => {
  if (request.method === "POST" && request.url === "/person") {
    person = (await json(request)) as Person;
    response.end();
    return;
  }
  if (!request.url?.startsWith("/interaction/")) return answer(request, response);
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (prompt.name === "login")
    return provider.interactionFinished(request, response, { login: { accountId: "ada" } });
  const grant = new provider.Grant({
    accountId: session?.accountId ?? "",
    clientId: String(params["client_id"]),
  });
  grant.addOIDCScope(String(params["scope"]));
  const grantId = await grant.save();
  return provider.interactionFinished(
    request,
    response,
    { consent: { grantId } },
    { mergeWithLastSubmission: true },
  );
});
process.stdout.write(`${issuer}\n`);
