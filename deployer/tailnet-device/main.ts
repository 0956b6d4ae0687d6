/**
 * `PANTHEROS_DEVICE='{…}' node deployer/tailnet-device/main.ts rename|remove`, the JSON as in spec.ts.
 * Exits 0 whatever happened, since neither a rename nor a removal of a host may fail for its tailnet; what went wrong is a
 * warning. Environment: TAILSCALE_API_KEY, or TAILSCALE_OAUTH_CLIENT_ID and TAILSCALE_OAUTH_CLIENT_SECRET; TAILSCALE_TAILNET.
 */
import { askAgain } from "../../clients/retry.ts";
import { type Device, type DeviceSpec, devicesOf } from "./spec.ts";

/** Bound of one request; there are a handful. */
const seconds = 15;

/** Of every request: done twice they do no harm. */
const RETRIES = { tries: 4, pauseMs: 1000 };

const say = (line: string) => process.stderr.write(`${line}\n`);

type Call = (method: string, path: string, body?: unknown) => Promise<unknown>;

async function answerOf(response: Response, what: string): Promise<unknown> {
  const text = await response.text();
  if (response.ok) return text === "" ? {} : JSON.parse(text);
  const missing = response.status === 401 || response.status === 403;
  throw new Error(
    `${what} answers ${response.status}${missing ? "; the token needs the scope devices:core" : ""}`,
  );
}

/** A token for the API; a key is one already. */
async function tokenFor(api: string, env: NodeJS.ProcessEnv): Promise<string> {
  const {
    TAILSCALE_API_KEY: key,
    TAILSCALE_OAUTH_CLIENT_ID: id,
    TAILSCALE_OAUTH_CLIENT_SECRET: secret,
  } = env;
  if (key) return key;
  if (!id || !secret) {
    throw new Error(
      "no token: set TAILSCALE_OAUTH_CLIENT_ID and TAILSCALE_OAUTH_CLIENT_SECRET, or TAILSCALE_API_KEY",
    );
  }
  const response = await fetch(`${api}/api/v2/oauth/token`, {
    method: "POST",
    body: new URLSearchParams({ client_id: id, client_secret: secret }),
    signal: AbortSignal.timeout(seconds * 1000),
  });
  const { access_token } = (await answerOf(response, "the token's endpoint")) as { access_token?: string };
  if (!access_token) throw new Error("the token's endpoint gives no token");
  return access_token;
}

async function apiOf({ api }: DeviceSpec, env: NodeJS.ProcessEnv): Promise<Call> {
  const base = api.replace(/\/$/, "");
  const token = await tokenFor(base, env);
  const ask = (method: string, path: string, body?: unknown) =>
    fetch(`${base}/api/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(seconds * 1000),
    });
  return async (method, path, body) => {
    const response = await askAgain(() => ask(method, path, body), RETRIES);
    // Gone: an earlier try, or somebody else.
    if (method === "DELETE" && response.status === 404) return {};
    return answerOf(response, `${method} ${path}`);
  };
}

async function find(call: Call, host: string, tag: string): Promise<{ id: string; name: string }[]> {
  const tailnet = encodeURIComponent(process.env["TAILSCALE_TAILNET"] || "-");
  const { devices = [] } = (await call("GET", `/tailnet/${tailnet}/devices`)) as { devices?: Device[] };
  return devicesOf(devices, host, tag).flatMap(({ nodeId, id, name }) => {
    const known = nodeId ?? id;
    return known === undefined ? [] : [{ id: encodeURIComponent(known), name }];
  });
}

async function remove(call: Call, { host, tag }: DeviceSpec): Promise<void> {
  for (const { id, name } of await find(call, host, tag)) {
    await call("DELETE", `/device/${id}`);
    say(`tailnet device ${name} removed`);
  }
}

/** Before the first deploy under the new name, which goes to that name. One that was stopped half way has the new tag already. */
async function rename(call: Call, { host, tag, formerly, tags }: DeviceSpec): Promise<void> {
  if (formerly === undefined || tags === undefined) return;
  const begun = await find(call, formerly.host, tag);
  const others = (await find(call, formerly.host, formerly.tag)).filter(
    ({ id }) => !begun.some((known) => known.id === id),
  );
  const [device, ...more] = [...begun, ...others];
  if (device === undefined) return;
  if (more.length > 0)
    throw new Error(`${more.length + 1} devices are ${formerly.host}; rename the right one by hand`);
  await call("POST", `/device/${device.id}/tags`, { tags });
  await call("POST", `/device/${device.id}/name`, { name: host });
  say(`tailnet device ${device.name} is ${host} now`);
}

const [verb] = process.argv.slice(2);
const spec = JSON.parse(process.env["PANTHEROS_DEVICE"] ?? "null") as DeviceSpec | null;
if (spec === null || (verb !== "rename" && verb !== "remove")) {
  say("usage: PANTHEROS_DEVICE='{…}' main.ts rename|remove");
  process.exitCode = 2;
} else {
  try {
    await { rename, remove }[verb](await apiOf(spec, process.env), spec);
  } catch (error) {
    const advice =
      verb === "remove"
        ? "remove it in the tailnet's admin console"
        : `name it ${spec.host} and tag it there by hand`;
    say(`warning: tailnet device of ${spec.host}: ${(error as Error).message}; ${advice}`);
  }
}
