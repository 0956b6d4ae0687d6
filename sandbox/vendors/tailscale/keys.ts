import { createHash } from "node:crypto";
import { Hono } from "hono";
import { bad, notFound, readObject, strings } from "./errors.ts";
import { definedTags } from "./policy.ts";
import { clientScopes, clientTags } from "./scopes.ts";
import { type KeyRow, randomWord, stamp } from "./state.ts";
import type { Tailnet } from "./tailnet.ts";

/** 90 days: the vendor's default and upper bound for auth keys, in seconds. */
const MAX_EXPIRY = 7_776_000;

export const hashKey = (secret: string): string => createHash("sha256").update(secret).digest("hex");

/** Whether a key is revoked, expired, or a used one-off key. */
export const isInvalid = (key: KeyRow, now = new Date()): boolean =>
  key.revoked !== null ||
  new Date(key.expires) <= now ||
  (!key.capabilities.devices.create.reusable && key.uses > 0);

function view(key: KeyRow) {
  const { hash: _hash, uses: _uses, revoked, ...shown } = key;
  const lifetime = Math.round((Date.parse(key.expires) - Date.parse(key.created)) / 1000);
  return {
    ...shown,
    keyType: "auth",
    expirySeconds: lifetime,
    ...(revoked !== null && { revoked }),
    userId: "uSANDBOX1CNTRL",
    ...(isInvalid(key) && { invalid: true }),
  };
}

type Json = Record<string, unknown>;
const object = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});

function assertTags(tailnet: Tailnet, tags: string[]): void {
  const defined = definedTags(tailnet.state.acl);
  const wrong = tags.filter((tag) => !defined.has(tag));
  if (wrong.length > 0) throw bad(`requested tags [${wrong.join(" ")}] are invalid or not permitted`);
}

/** Checks a request for an auth key and returns its row, without the secret. */
function keyFrom(tailnet: Tailnet, body: Json): Omit<KeyRow, "hash"> {
  const description = String(body.description ?? "");
  if (description.length > 50) throw bad("description must be at most 50 characters");
  if (!/^[A-Za-z0-9 _-]*$/.test(description)) throw bad("description contains invalid characters");
  const create = object(object(object(body.capabilities).devices).create);
  const tags = strings(create, "tags");
  assertTags(tailnet, tags);
  const seconds =
    body.expirySeconds === undefined || body.expirySeconds === 0 ? MAX_EXPIRY : Number(body.expirySeconds);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_EXPIRY) {
    throw bad(`expirySeconds must be between 1 and ${MAX_EXPIRY}`);
  }
  const created = new Date();
  return {
    id: `k${randomWord(12)}CNTRL`,
    description,
    created: stamp(created),
    expires: stamp(new Date(created.getTime() + seconds * 1000)),
    revoked: null,
    capabilities: {
      devices: {
        create: {
          reusable: create.reusable === true,
          ephemeral: create.ephemeral === true,
          preauthorized: create.preauthorized === true,
          tags,
        },
      },
    },
    uses: 0,
  };
}

/** `/tailnet/{tailnet}/keys`: auth keys. A deleted key is answered as not found. */
export function keys(tailnet: Tailnet): Hono {
  const app = new Hono();
  const rows = tailnet.state.keys;
  const base = "/tailnet/:tailnet/keys";
  const find = (id: string): KeyRow => {
    const key = rows[id];
    if (key === undefined) throw notFound();
    return key;
  };

  app.get(base, (context) => context.json({ keys: Object.values(rows).map(view) }));

  app.post(base, async (context) => {
    const row = keyFrom(tailnet, await readObject(context));
    const secret = `tskey-auth-${row.id}-${randomWord(32)}`;
    const key = { ...row, hash: hashKey(secret) };
    rows[key.id] = key;
    return context.json({ ...view(key), key: secret });
  });

  app.get(`${base}/:id`, (context) => {
    const id = context.req.param("id");
    if (id === tailnet.options.clientId) {
      // Source: tailscale-client-go v2, `Key` of keyType "client".
      return context.json({
        id,
        keyType: "client",
        scopes: clientScopes(tailnet),
        tags: clientTags(tailnet),
      });
    }
    return context.json(view(find(id)));
  });

  app.delete(`${base}/:id`, (context) => {
    delete rows[find(context.req.param("id")).id];
    return context.body(null, 200);
  });

  return app;
}
