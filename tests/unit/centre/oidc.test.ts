/** Sign-on at a real provider, and what is refused. */
import { type OidcOptions, OidcSignOn, SignOnRefused } from "../../../centre/access/oidc.ts";
import { startProvider, type TestProvider } from "./provider.ts";

const REDIRECT = "https://centre.example.test/sign-on/callback";
const people: OidcOptions["people"] = {
  roles: {
    admin: { capabilities: ["*"], directoryGroups: ["admins", "developers"] },
    "restricted-admin": { capabilities: ["status.*", "log.read"], directoryGroups: ["developers"] },
    guest: { capabilities: ["status.*"], directoryGroups: ["guests"] },
    nobody: { capabilities: ["*"], directoryGroups: [] },
  },
  users: {},
};

let provider: TestProvider;
beforeAll(async () => {
  provider = await startProvider(REDIRECT);
});
afterAll(() => provider.stop());

const signOnOf = (more: Partial<OidcOptions> = {}) =>
  new OidcSignOn({
    issuer: provider.issuer,
    clientId: "centre",
    clientSecret: "a-secret-of-the-test",
    redirect: REDIRECT,
    people,
    ...more,
  });

async function signOn(more: Partial<OidcOptions> = {}) {
  const centre = signOnOf(more);
  const { url, browser } = await centre.begin();
  return centre.end(await provider.visit(url), browser);
}

test.each([
  [["admins", "developers", "others"], "admin"],
  [["developers"], "restricted-admin"],
  [["guests", "admins"], "guest"],
])("somebody in the groups %j has the role %s", async (groups, role) => {
  await provider.set({ groups });
  const { identity, seconds } = await signOn();
  expect(identity).toEqual({
    who: "ada@example.test",
    door: "oidc",
    role,
    capabilities: people.roles[role]?.capabilities,
  });
  // The provider's ID token is for ten minutes.
  expect(seconds).toBeGreaterThan(590);
  expect(seconds).toBeLessThanOrEqual(600);
});

test.each([[[]], [["admins"]], [["Developers"]], [["strangers"]]])(
  "somebody in the groups %j alone has no role and no session",
  async (groups) => {
    await provider.set({ groups });
    await expect(signOn()).rejects.toThrow(/ada is in no group that has a role here/);
  },
);

test("an ID token of a day counts for a quarter of an hour", async () => {
  await provider.set({ groups: ["guests"], claims: { exp: Math.floor(Date.now() / 1000) + 86_400 } });
  expect((await signOn()).seconds).toBe(900);
});

test.each([
  ["has expired", { claims: { exp: Math.floor(Date.now() / 1000) - 3600 } }],
  ["is for another audience", { claims: { aud: "another" } }],
  ["is for several audiences and another party", { claims: { aud: ["centre", "another"], azp: "another" } }],
  ["is of another issuer", { claims: { iss: "https://evil.example.test" } }],
  ["is the answer to another sign-on", { claims: { nonce: "another" } }],
  ["is signed with a key that the provider does not publish", { foreignKey: true }],
])("an ID token that %s does not count", async (_, spoilt) => {
  await provider.set({ groups: ["guests"], ...spoilt });
  await expect(signOn()).rejects.toThrow(/The provider's answer does not count/);
  await provider.set({ groups: ["guests"] });
  expect((await signOn()).identity.role).toBe("guest");
});

test("an answer counts once, in the browser that began, and for ten minutes", async () => {
  await provider.set({ groups: ["guests"] });
  let time = Date.now();
  const centre = signOnOf({ now: () => time });
  const first = await centre.begin();
  const answer = await provider.visit(first.url);
  expect((await centre.end(answer, first.browser)).identity.role).toBe("guest");
  await expect(centre.end(answer, first.browser)).rejects.toThrow(/was ended before/);

  const second = await centre.begin();
  const stolen = await provider.visit(second.url);
  await expect(centre.end(stolen, first.browser)).rejects.toThrow(/in another browser/);
  // That was its one try.
  await expect(centre.end(stolen, second.browser)).rejects.toThrow(/was ended before/);

  const third = await centre.begin();
  const late = await provider.visit(third.url);
  time += 10 * 60_000;
  await expect(centre.end(late, third.browser)).rejects.toThrow(/took too long/);
  await expect(centre.end("?code=guessed&state=guessed", third.browser)).rejects.toThrow(SignOnRefused);
});

test("a group that is taken away counts at the next question, and so does an account that is gone", async () => {
  await provider.set({ groups: ["admins", "developers"] });
  const { identity, renew } = await signOn();
  expect(identity.role).toBe("admin");
  expect((await renew())?.role).toBe("admin");
  await provider.set({ groups: ["developers"] });
  expect((await renew())?.role).toBe("restricted-admin");
  await provider.set({ groups: [] });
  expect(await renew()).toBeUndefined();
  await provider.set({ groups: ["admins", "developers"], gone: true });
  expect(await renew()).toBeUndefined();
});

test("a second factor can be demanded by method and by level", async () => {
  await provider.set({ groups: ["guests"], amr: ["pwd"] });
  await expect(signOn({ amr: ["mfa", "hwk"] })).rejects.toThrow(/demands one of the methods mfa, hwk/);
  await provider.set({ groups: ["guests"], amr: ["pwd", "hwk"], acr: "silver" });
  expect((await signOn({ amr: ["mfa", "hwk"] })).identity.role).toBe("guest");
  await expect(signOn({ acr: ["gold"] })).rejects.toThrow(/demands one of the levels gold/);
  await provider.set({ groups: ["guests"], acr: "gold" });
  expect((await signOn({ acr: ["gold"] })).identity.role).toBe("guest");
});

test("a provider that does not answer is named, and the next try asks it again", async () => {
  const centre = signOnOf({ issuer: "http://127.0.0.1:9" });
  await expect(centre.begin()).rejects.toThrow(/The provider http:\/\/127\.0\.0\.1:9 does not answer/);
  await expect(centre.begin()).rejects.toThrow(SignOnRefused);
});
