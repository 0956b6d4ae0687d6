/**
 * Sign-on at an OpenID Connect provider: authorization code with PKCE, state and nonce. The groups of the provider give
 * the role, at each sign-on and again before each act. openid-client is loaded at the first sign-on, because it costs
 * memory that a centre on loopback does not need.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type * as OpenIdClient from "openid-client";
import * as z from "zod";
import { messageOf } from "../../lib/message-of.ts";
import { oneLine } from "../../lib/sanitize.ts";
import type { Identity } from "./identity.ts";
import { identityWith, type People, roleOfGroups } from "./roles.ts";

export interface OidcOptions {
  /** Address of the provider, whose `/.well-known/openid-configuration` is read. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Address of this centre's `/sign-on/callback`, as the provider knows it. */
  readonly redirect: string;
  readonly people: People;
  /** Claim with the groups. */
  readonly groupsClaim?: string;
  readonly scope?: string;
  /** Methods of which the provider must have used one, such as `mfa`, `otp` or `hwk` (RFC 8176). */
  readonly amr?: readonly string[];
  /** Levels of which the provider must name one. */
  readonly acr?: readonly string[];
  readonly now?: () => number;
}

/** A sign-on that did not succeed; the message is for the person. */
export class SignOnRefused extends Error {}

export interface SignedOn {
  readonly identity: Identity;
  /** Path of the page that follows. */
  readonly next: string;
  /** The session ends with the ID token, and after a quarter of an hour at the latest. */
  readonly seconds: number;
  /** Asks the provider again. Undefined: the rights are gone, or cannot be confirmed. */
  readonly renew: () => Promise<Identity | undefined>;
}

const MAX_SESSION_SECONDS = 15 * 60;
/** A page of the provider that was left open for longer begins again. */
const ATTEMPT_MS = 10 * 60_000;
/** Sign-ons that were begun and not ended; the oldest are forgotten. */
const MAX_ATTEMPTS = 1000;

interface Attempt {
  readonly nonce: string;
  readonly verifier: string;
  /** Sum of the cookie of the browser that began. */
  readonly browser: Buffer;
  readonly next: string;
  readonly end: number;
}

const claims = z.looseObject({
  sub: z.string(),
  email: z.string().optional(),
  preferred_username: z.string().optional(),
});
const amrClaim = z.array(z.string()).catch([]);
const groupsClaimOf = z.array(z.string()).catch([]);

const sumOf = (text: string): Buffer => createHash("sha256").update(text).digest();

export class OidcSignOn {
  readonly #options: OidcOptions;
  readonly #attempts = new Map<string, Attempt>();
  #client:
    | Promise<{ readonly api: typeof OpenIdClient; readonly config: OpenIdClient.Configuration }>
    | undefined;

  constructor(options: OidcOptions) {
    this.#options = options;
  }

  /**
   * Begins a sign-on: where to send the browser, and the value of its cookie.
   * @param next path of the page that follows
   */
  async begin(next = "/"): Promise<{ readonly url: string; readonly browser: string }> {
    const { api, config } = await this.#connect();
    const state = api.randomState();
    const nonce = api.randomNonce();
    const verifier = api.randomPKCECodeVerifier();
    const browser = randomBytes(32).toString("base64url");
    const end = this.#now() + ATTEMPT_MS;
    this.#attempts.set(state, { nonce, verifier, browser: sumOf(browser), next, end });
    const oldest = this.#attempts.keys().next().value;
    if (this.#attempts.size > MAX_ATTEMPTS && oldest !== undefined) this.#attempts.delete(oldest);
    const { redirect, scope = "openid profile email groups", acr } = this.#options;
    const url = api.buildAuthorizationUrl(config, {
      redirect_uri: redirect,
      scope,
      state,
      nonce,
      code_challenge: await api.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      ...(acr !== undefined && acr.length > 0 && { acr_values: acr.join(" ") }),
    });
    return { url: url.href, browser };
  }

  /**
   * Ends a sign-on.
   * @param search the query of the provider's answer, with the `?`
   * @param browser the cookie's value
   * @throws SignOnRefused
   */
  async end(search: string, browser: string): Promise<SignedOn> {
    const state = new URLSearchParams(search).get("state") ?? "";
    const attempt = this.#attempts.get(state);
    // One answer for each sign-on, whatever comes of it.
    this.#attempts.delete(state);
    if (attempt === undefined || attempt.end <= this.#now())
      throw new SignOnRefused("This sign-on was ended before, or took too long. Begin again.");
    if (!timingSafeEqual(attempt.browser, sumOf(browser)))
      throw new SignOnRefused("This sign-on was begun in another browser. Begin again.");
    const { api, config } = await this.#connect();
    const address = new URL(this.#options.redirect);
    address.search = search;
    let tokens: Awaited<ReturnType<typeof api.authorizationCodeGrant>>;
    try {
      tokens = await api.authorizationCodeGrant(config, address, {
        pkceCodeVerifier: attempt.verifier,
        expectedState: state,
        expectedNonce: attempt.nonce,
        idTokenExpected: true,
      });
    } catch (error) {
      throw new SignOnRefused(`The provider's answer does not count: ${oneLine(messageOf(error))}.`);
    }
    const own = tokens.claims();
    const read = claims.safeParse(own);
    if (own === undefined || !read.success) throw new SignOnRefused("The provider's answer names nobody.");
    this.#requireMethods(own);
    const access = tokens.access_token;
    const ask = async () => this.#identityOf(own, await api.fetchUserInfo(config, access, own.sub));
    const identity = await ask().catch((error: unknown) => {
      throw new SignOnRefused(`The provider does not say who it is: ${oneLine(messageOf(error))}.`);
    });
    if (identity === undefined)
      throw new SignOnRefused(
        `${oneLine(nameOf(read.data), 100)} is in no group that has a role here. A role has its groups in directory_groups of the inventory.`,
      );
    return {
      identity,
      next: attempt.next,
      seconds: Math.max(0, Math.min(MAX_SESSION_SECONDS, own.exp - Math.floor(this.#now() / 1000))),
      renew: () => ask().catch(() => undefined),
    };
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  /** @throws SignOnRefused when a demanded second factor was not used */
  #requireMethods(own: Readonly<Record<string, unknown>>): void {
    const { amr = [], acr = [] } = this.#options;
    const used = amrClaim.parse(own["amr"]);
    if (amr.length > 0 && !amr.some((method) => used.includes(method)))
      throw new SignOnRefused(`This centre demands one of the methods ${amr.join(", ")} at the provider.`);
    if (acr.length > 0 && !acr.some((level) => level === own["acr"]))
      throw new SignOnRefused(`This centre demands one of the levels ${acr.join(", ")} at the provider.`);
  }

  #identityOf(
    own: Readonly<Record<string, unknown>>,
    answered: Readonly<Record<string, unknown>>,
  ): Identity | undefined {
    const { groupsClaim = "groups", people } = this.#options;
    // The answer of now counts; a provider may have the groups in the ID token only.
    const groups = groupsClaimOf.parse(answered[groupsClaim] ?? own[groupsClaim]);
    const who = nameOf(claims.parse({ ...own, ...answered }));
    return identityWith(people, { who, door: "oidc", role: roleOfGroups(people, groups) });
  }

  #connect() {
    this.#client ??= this.#discover().catch((error: unknown) => {
      // The next sign-on tries again.
      this.#client = undefined;
      throw new SignOnRefused(
        `The provider ${this.#options.issuer} does not answer: ${oneLine(messageOf(error))}. Try again later.`,
      );
    });
    return this.#client;
  }

  async #discover() {
    const api = await import("openid-client");
    const { issuer, clientId, clientSecret } = this.#options;
    const address = new URL(issuer);
    const isLoopback = ["127.0.0.1", "[::1]", "localhost"].includes(address.hostname);
    const config = await api.discovery(address, clientId, clientSecret, undefined, {
      execute: [
        // The signature is checked too, and not only the connection to the provider.
        api.enableNonRepudiationChecks,
        // A provider on this machine needs no TLS.
        ...(isLoopback ? [api.allowInsecureRequests] : []),
      ],
    });
    return { api, config };
  }
}

const nameOf = ({ email, preferred_username: name, sub }: z.infer<typeof claims>): string =>
  email ?? name ?? sub;
